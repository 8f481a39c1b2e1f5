"""The URLs of the HTTP side, and the answers where no view could give one: pages in the admin, JSON elsewhere."""

from __future__ import annotations

from http import HTTPStatus

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path, reverse
from django.views import defaults

from chozoi_chat import health
from chozoi_chat.doctor import seen
from chozoi_chat.front_page import front_page


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a request that met a defect (Django's `handler500`). Django has logged the traceback."""
    if _is_page(request):
        return defaults.server_error(request)
    message = "the server failed to handle this request; the failure has been logged"
    return _refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", message)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that Django refuses as suspicious (Django's `handler400`), such as for its Host header."""
    if _is_page(request):
        return defaults.bad_request(request, exception)
    message = "the request is not valid: its host, its headers or its size are not what this server takes"
    return _refusal(HTTPStatus.BAD_REQUEST, "validation_failed", message)


def _is_page(request: HttpRequest) -> bool:
    return request.path.startswith(reverse("admin:index"))


def _refusal(status: HTTPStatus, code: str, message: str) -> HttpResponse:
    return JsonResponse({"status": False, "message": message, "code": code}, status=status)


handler400, handler500 = bad_request, server_error

urlpatterns = [
    path("", include("demo.urls") if settings.DEMO else front_page),
    path("healthz", health.healthz),
    path("readyz", health.readyz, {"isolation": health.find_isolation}),
    path("doctor", seen.look),
    path("admin/", admin.site.urls),
    path("v1/conversations/", include("moderation.api.reports")),
    path("v1/conversations/", include("conversations.api.urls")),  # last: it answers at all other addresses below, too
]
