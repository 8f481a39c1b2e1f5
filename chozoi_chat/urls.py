"""The HTTP side's table of contents."""

from django.contrib import admin
from django.urls import path

from chozoi_chat import health

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("admin/", admin.site.urls),
]
