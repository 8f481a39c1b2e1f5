"""What requests say, and what several calls ask for: as whom, and how much."""

from __future__ import annotations

from typing import Annotated, Any, cast

from msgspec import Meta, Struct
from rest_framework.request import Request

from conversations.requests import OptionalId
from identity import Role

_NOTHING = ("", "null", "undefined")
"""What old clients write into a query where they have no value."""


def said(request: Request) -> dict[str, Any]:
    """What a request says: in its query and, where it may have one, its body, which wins.

    ParseError: the body is no JSON object.
    """
    query = {name: value for name, value in request.query_params.items() if value not in _NOTHING}
    return query if request.method == "GET" else {**query, **cast("dict[str, Any]", request.data)}


class AsMember(Struct, kw_only=True):
    """As whom the caller acts; both may be left out."""

    user_id: OptionalId = None
    role: Role | None = None


LARGEST_PAGE = 100
"""Rows that one page of a list has at most."""

Limit = Annotated[int, Meta(ge=1, description=f"Rows of a page, {LARGEST_PAGE} at most")]
