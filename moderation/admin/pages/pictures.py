"""Pictures that users cannot see any more, for staff: what a redacted message showed, or what was reported."""

from __future__ import annotations

from django.contrib.admin import site
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, re_path, reverse
from django.views.decorators.http import require_GET

from conversations.images.files import read_image
from conversations.models import Upload
from moderation.permissions import may

_HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Disposition": "inline",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


def picture_urls() -> list[URLPattern]:
    """The address of a picture, by its upload's key."""
    shown = site.admin_view(picture)
    return [re_path(r"^pictures/(?P<key>\d{4}/\d{2}/[0-9a-f]{32})$", shown, name="moderation_picture")]


def picture_url(key: str) -> str:
    """Where staff see a picture."""
    return reverse("admin:moderation_picture", args=[key])


@require_GET
def picture(request: HttpRequest, key: str) -> HttpResponse:
    """A picture: with `view_evidence`; a redacted one with `view_redactedoriginal`."""
    upload = Upload.objects.filter(pk=key).first()
    withheld = "" if upload is None else upload.withheld
    if not may(request, "moderation.view_redactedoriginal" if withheld else "moderation.view_evidence"):
        raise PermissionDenied
    found = read_image(withheld or key)
    if found is None:
        raise Http404("There is no such picture, or it was deleted.")
    content, content_type = found
    return HttpResponse(content, content_type, headers=_HEADERS)
