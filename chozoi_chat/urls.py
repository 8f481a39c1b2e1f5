"""The HTTP side's table of contents."""

from django.contrib import admin
from django.urls import include, path

from chozoi_chat import health

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("admin/", admin.site.urls),
    path("v1/conversations/", include("moderation.api.urls")),
    path("v1/conversations/", include("conversations.api.urls")),  # last: it answers at all other addresses below, too
]
