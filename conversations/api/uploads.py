"""Images that messages of type IMAGE carry: sent here first, kept, and given out again."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urljoin

from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import etag, require_safe
from msgspec import Meta, Struct
from rest_framework.request import Request

from conversations.api.authentication import Caller
from conversations.api.bodies import FormBody
from conversations.api.operation import Endpoint, operation
from conversations.api.throttling import UploadAddressThrottle, UploadThrottle, UserThrottle
from conversations.configuration import ChatSettings
from conversations.images.files import address_of, is_stored, read_file
from conversations.images.uploads import take_upload
from conversations.requests import OptionalId

_HEADERS = {
    "Cache-Control": "public, max-age=3600",
    "Content-Disposition": "inline",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}
"""Shown by any page, kept for an hour (it may be redacted), and never more than an image to a browser."""


class Upload(Struct, kw_only=True):
    """A form with the image in it."""

    file: Annotated[UploadedFile[bytes], Meta(extra_json_schema={"type": "string", "format": "binary"})]
    user_id: OptionalId = None


class UploadAnswer(Struct, kw_only=True):
    """Where the image is: `url` is the `content` of an IMAGE message. Width and height in pixels, size in bytes."""

    url: str
    thumbnail_url: str
    content_type: str
    width: int
    height: int
    size: int


class Uploads(Endpoint):
    """`/uploads`"""

    parser_classes = (FormBody,)
    throttle_classes = (UserThrottle, UploadThrottle, UploadAddressThrottle)

    @operation("Upload an image", errors=(413,))
    async def post(self, caller: Caller, asked: Upload) -> UploadAnswer:
        """A JPEG, PNG, GIF or WebP, known by its content. What is kept is the picture alone, upright, without EXIF."""
        stored = await take_upload(caller.user_id, asked.file)
        return UploadAnswer(
            url=_url(self.request, stored.name),
            thumbnail_url=_url(self.request, stored.thumbnail_name),
            content_type=stored.content_type,
            width=stored.width,
            height=stored.height,
            size=stored.size,
        )


def _url(request: Request, name: str) -> str:
    """The address of a stored image, for anybody: the storage's own, or one of this server."""
    return urljoin(ChatSettings.current().PUBLIC_URL or request.build_absolute_uri("/"), address_of(name))


@require_safe
@etag(lambda request, name: f'"{name}"' if is_stored(name) else None)
def image(request: HttpRequest, name: str) -> HttpResponse:
    """A stored image, to whoever knows its name (that is a secret, and `<img>` can bear no token)."""
    found = read_file(name)
    if found is None:
        raise Http404
    content, content_type = found
    return HttpResponse(content, content_type, headers=_HEADERS)
