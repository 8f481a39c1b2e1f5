"""The page that shows what calls there are, to people."""

from __future__ import annotations

from typing import Any

from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response


class Documentation(SpectacularSwaggerSplitView):
    """Swagger UI: its script comes from here, as the pages of this server run no script that stands in them."""

    schema = None  # so DRF is told that there is nothing to describe
    template_name = "conversations/documentation.html"

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The page, or with `?script=` the script that starts it. The page has a style of its own in it."""
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        response.data["schema_url"] = self._get_schema_url(request)  # type: ignore[no-untyped-call]
        response["Content-Security-Policy"] = (
            "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
            "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )
        return response
