"""The HTTP side's table of contents."""

from django.contrib import admin
from django.urls import include, path

from chozoi_chat import health

handler400 = "chozoi_chat.failures.bad_request"
handler500 = "chozoi_chat.failures.server_error"

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz, {"not_heard": health.what_is_not_heard}),
    path("admin/", admin.site.urls),
    path("v1/conversations/", include("moderation.api.urls")),
    path("v1/conversations/", include("conversations.api.urls")),  # last: it answers at all other addresses below, too
]
