"""Bodies of requests and answers: JSON by msgspec, whatever a client accepts; forms for files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import IO, Any, cast

import msgspec
from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from conversations.api.refusals import answer_to

_NO_VALUES = ("", "null", "undefined")
"""What old clients write into a query where they have no value."""


def inputs_of(request: Request) -> dict[str, Any]:
    """Return the fields of a request: of its query and, unless it is a GET, of its body, which wins.

    Raises:
        ParseError: The body is no JSON object.
    """
    query = {name: value for name, value in request.query_params.items() if value not in _NO_VALUES}
    return query if request.method == "GET" else {**query, **cast("dict[str, Any]", request.data)}


class JSONBody(BaseParser):
    """Reads a JSON object of at most DATA_UPLOAD_MAX_MEMORY_SIZE bytes."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the object; an empty body is an empty one.

        Raises:
            ParseError: It is no JSON object, or too large.
        """
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(most + 1)
        if len(body) > most:
            raise ParseError(f"the body is too large: at most {most} bytes are read")
        if not body.strip():
            return {}
        try:
            return msgspec.json.decode(body, type=dict[str, Any])
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise ParseError(f"the body must be a JSON object: {error}") from None


class FormBody(MultiPartParser):
    """Reads a multipart form with files."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return each field's text or file; of several with one name, the last.

        Raises:
            ParseError: It is no such form.
        """
        form = super().parse(stream, media_type, parser_context)
        return {**form.data.dict(), **form.files.dict()}


class JSONAnswer(BaseRenderer):
    """Writes what msgspec can encode."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """Encode the answer; None has an empty body. What cannot be encoded is a defect and answered as one."""
        if data is None:
            return b""
        try:
            return msgspec.json.encode(data)
        except (TypeError, ValueError) as error:
            if renderer_context is None:
                raise
            failure = answer_to(error, dict(renderer_context))
            renderer_context["response"].status_code = failure.status_code
            return msgspec.json.encode(failure.data)


class OneForm(BaseContentNegotiation):
    """Chooses the only renderer, whatever `Accept` names, and the only parser."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        """Return the parser; None: the request names another media type. Naming none is naming it."""
        named = request.content_type.partition(";")[0].strip().lower() if request.content_type else ""
        return next((parser for parser in parsers if named in ("", parser.media_type)), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the renderer and its media type."""
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)
