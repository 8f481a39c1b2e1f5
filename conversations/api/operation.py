"""What all calls of this API have in common: how a request becomes a handler's arguments, and its result an answer.

A handler is an asynchronous method that gets the caller, what is asked as a msgspec Struct, and the parts of the path;
it returns a Struct. Its annotations are the one description of the call's shapes: read and checked by them here, and
documented from them by `schema`.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Sequence
from typing import Annotated, Any, TypeVar, get_type_hints

import msgspec
from asgiref.sync import async_to_sync
from django.http import Http404
from msgspec import Meta, Struct
from rest_framework.exceptions import NotAuthenticated
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from conversations.api.authentication import BearerToken, HeaderToken, caller_of
from conversations.api.bodies import JSONAnswer, JSONBody, OneForm, inputs_of
from conversations.api.refusals import answer_to
from conversations.api.schema import Operation, StructSchema
from conversations.api.throttling import AddressThrottle, UserThrottle
from conversations.errors import Code, RuleViolation
from conversations.requests import OptionalId
from identity import IdentityRefused, Role, let_pass
from socketio_bridge.arguments import explained

Answer = TypeVar("Answer")


class AsMember(Struct, kw_only=True):
    """As whom the caller acts; both may be left out."""

    user_id: OptionalId = None
    role: Role | None = None


LARGEST_PAGE = 100
"""Rows that one page of a list has at most."""

Limit = Annotated[int, Meta(ge=1, description=f"Rows of a page, {LARGEST_PAGE} at most")]

_going_on: set[asyncio.Task[Any]] = set()


class AgreesWithToken(BasePermission):
    """There is a caller, and where the request says who it speaks for (`user_id`, `role`), the token says so too."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether there is a caller. IdentityRefused: it is somebody else; RuleViolation: `role` is no role."""
        caller = caller_of(request)
        if caller is None:
            return False
        inputs = inputs_of(request)
        user_id, role = inputs.get("user_id"), inputs.get("role")
        if user_id is not None and str(user_id) != caller.user_id:
            raise IdentityRefused("user_mismatch", "`user_id` is not the token's user; it may be left out")
        if role is not None:
            if role not in tuple(Role):
                raise RuleViolation(
                    Code.VALIDATION_FAILED, f"`role` is {str(role)[:40]!r}: it must be BUYER or SELLER, or left out"
                )
            if role not in caller.roles:
                refusal = IdentityRefused("role_not_allowed", f"the token does not allow `role` {role}")
                if not let_pass(refusal, caller.user_id, role):
                    raise refusal
        return True


class Endpoint(APIView):
    """A resource of this API; its methods are made by `operation`."""

    authentication_classes = (BearerToken, HeaderToken)
    permission_classes = (AgreesWithToken,)
    throttle_classes: Sequence[type[BaseThrottle]] = (UserThrottle,)
    parser_classes: Sequence[type[BaseParser]] = (JSONBody,)
    renderer_classes = (JSONAnswer,)
    content_negotiation_class = OneForm
    schema = StructSchema()

    def perform_authentication(self, request: Request) -> None:
        """Count the address before anything is done for it: a flood of wrong tokens is to be held up too."""
        by_address = AddressThrottle()
        if not by_address.allow_request(request, self):
            self.throttled(request, by_address.wait())
        super().perform_authentication(request)

    def get_exception_handler(self) -> Callable[..., Response]:
        """The answers to what is refused."""
        return answer_to


class Nowhere(Endpoint):
    """What is at no address of this API: 404, in this API's form, with or without a token."""

    schema = None  # type: ignore[assignment]  # so DRF is told that there is nothing to describe

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse."""
        raise Http404


def operation(
    summary: str, *, filled_in: tuple[str, ...] = (), errors: tuple[int, ...] = ()
) -> Callable[[Callable[..., Coroutine[Any, Any, Any]]], Callable[..., Response]]:
    """Make a view's method of a handler `async def get(self, caller, asked, …) -> Answer`.

    `filled_in`: fields of `asked` that are the caller's id where the request leaves them out. `errors`: statuses that
    it may answer with besides those of every call. What was asked is done to its end even if the client hangs up.
    """

    def decorate(handler: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Response]:
        hints = get_type_hints(handler)
        asks: type[Struct] = hints["asked"]

        def method(view: APIView, request: Request, **path: str) -> Response:
            caller = caller_of(request)
            if caller is None:  # the permissions have seen to it
                raise NotAuthenticated
            asked = _read(request, asks, dict.fromkeys(filled_in, caller.user_id))
            return Response(async_to_sync(_to_its_end)(handler(view, caller, asked, **path)))

        method.__name__, method.__doc__ = handler.__name__, handler.__doc__
        described = Operation(summary, inspect.getdoc(handler) or "", asks, hints["return"], filled_in, errors)
        method.operation = described  # type: ignore[attr-defined]
        return method

    return decorate


def _read(request: Request, asks: type[Struct], filled_in: dict[str, str]) -> Struct:
    """What is asked. RuleViolation `validation_failed`: not that."""
    in_words = not request.data if request.method != "GET" else True
    try:
        return msgspec.convert({**filled_in, **inputs_of(request)}, asks, strict=not in_words)
    except msgspec.ValidationError as error:
        raise RuleViolation(Code.VALIDATION_FAILED, explained(error, asks)) from None


async def _to_its_end(work: Coroutine[Any, Any, Answer]) -> Answer:
    task = asyncio.get_running_loop().create_task(work)
    _going_on.add(task)
    task.add_done_callback(_going_on.discard)
    return await asyncio.shield(task)
