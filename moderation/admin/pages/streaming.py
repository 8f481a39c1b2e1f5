"""Answers too long for memory, written while they are sent: read in the store's threads, a part at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import islice

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

from persistence.mongodb import in_store_thread

_LINES_AT_ONCE = 500


def streamed(lines: Iterator[str], content_type: str, filename: str) -> StreamingHttpResponse:
    """A file to download. `lines` may read from the store as they are taken."""
    response = StreamingHttpResponse(_parts(lines), content_type=f"{content_type}; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(True, filename) or "attachment"
    response["Cache-Control"] = "no-store"
    return response


async def _parts(lines: Iterator[str]) -> AsyncIterator[str]:
    while part := await in_store_thread(lambda: "".join(islice(lines, _LINES_AT_ONCE))):
        yield part
