"""What all calls of this API have in common: how a request becomes a handler's arguments, and its result an answer.

A handler is an asynchronous method that gets the caller, the request as a msgspec Struct, and the parts of the path; it
returns a Struct. Its annotations are the one description of the call's shapes: requests are read and checked by them
here, and `schema` documents them.
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
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import NotAuthenticated
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from conversations.api.authentication import BearerToken, HeaderToken, ProjectUser, caller_of
from conversations.api.bodies import JSONAnswer, JSONBody, OneForm, inputs_of
from conversations.api.refusals import answer_to
from conversations.api.schema import Operation, StructSchema
from conversations.api.throttling import AddressThrottle, UserThrottle
from conversations.errors import Code, RuleViolation
from conversations.requests import LARGEST_PAGE, OptionalId
from identity import IdentityRefused, Role, let_pass, scope_identity
from socketio_bridge.events.arguments import explained

Answer = TypeVar("Answer")


class AsMember(Struct, kw_only=True):
    """As whom the caller acts; both may be left out."""

    user_id: OptionalId = None
    role: Role | None = None


Limit = Annotated[int, Meta(ge=1, description=f"Rows of a page, {LARGEST_PAGE} at most")]

_going_on: set[asyncio.Task[Any]] = set()


class AgreesWithToken(BasePermission):
    """There is a caller, and what the request says of the caller (`user_id`, `role`) agrees with the token."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Tell whether there is a caller.

        Raises:
            IdentityRefused: `user_mismatch`, `role_not_allowed`: the token is another user's, or not for this side.
            RuleViolation: `validation_failed`: `role` is no role.
        """
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

    def get_authenticators(self) -> list[BaseAuthentication]:
        """Return those of tokens, or that of the project's own users."""
        return super().get_authenticators() if scope_identity() is None else [ProjectUser()]

    def perform_authentication(self, request: Request) -> None:
        """Count the address first: a flood of wrong tokens must be limited, too."""
        by_address = AddressThrottle()
        if not by_address.allow_request(request, self):
            self.throttled(request, by_address.wait())
        super().perform_authentication(request)

    def get_exception_handler(self) -> Callable[..., Response]:
        """Return `answer_to`."""
        return answer_to


class Nowhere(Endpoint):
    """Any other address of this API: 404, in this API's form, with or without a token."""

    schema = None  # type: ignore[assignment]  # to DRF: there is nothing to describe

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Answer 404."""
        raise Http404


def operation(
    summary: str, *, filled_in: tuple[str, ...] = (), errors: tuple[int, ...] = ()
) -> Callable[[Callable[..., Coroutine[Any, Any, Any]]], Callable[..., Response]]:
    """Make a view's method of a handler. What was asked is done to its end even if the client disconnects.

        class OneRoom(Endpoint):
            @operation("One room")
            async def get(self, caller: Caller, asked: AsMember, room_id: str) -> RoomAnswer:
                return RoomAnswer(room=await services.view_room(caller, room_id, asked.role))

    Args:
        summary: A few words for the documentation; the handler's docstring is its text.
        filled_in: Fields of `asked` that are the caller's id where the request leaves them out.
        errors: HTTP statuses that it may answer with besides those of every call.
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
