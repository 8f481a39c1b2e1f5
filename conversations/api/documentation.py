"""The description of this API: an OpenAPI document for programs, and a page that shows it.

Anybody may ask for them, and often, so the document is made once and kept as bytes.
"""

from __future__ import annotations

import hashlib
import threading
from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import etag, require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from identity.configuration import IdentitySettings

_CONTENT_TYPE = "application/vnd.oai.openapi+json"
_HEADERS = {"Cache-Control": "public, max-age=300"}
_making = threading.Lock()


def described() -> tuple[bytes, str]:
    """Return the OpenAPI document and its ETag. Making it takes a second of a core: once, however many ask at once."""
    with _making:
        return _described(IdentitySettings.current().AUTH_TOKEN_HEADER)


@lru_cache(maxsize=2)
def _described(token_header: str) -> tuple[bytes, str]:
    """Made for each value of the one setting that the document names."""
    document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    content: bytes = OpenApiJsonRenderer().render(document)
    return content, f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'


@require_safe
@etag(lambda request: described()[1])
def schema(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document, as JSON."""
    return HttpResponse(described()[0], _CONTENT_TYPE, headers=_HEADERS)


class Documentation(SpectacularSwaggerSplitView):
    """Swagger UI, with its script at an address of its own, as the pages of this server run no inline script."""

    schema = None  # to DRF: there is nothing to describe
    template_name = "conversations/documentation.html"

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return the page, or with `?script=` the script that starts it. The page has inline styles."""
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        response.data["schema_url"] = self._get_schema_url(request)  # type: ignore[no-untyped-call]
        response["Content-Security-Policy"] = (
            "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
            "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )
        return response
