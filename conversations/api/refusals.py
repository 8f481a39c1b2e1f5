"""Refusals of this API: one body, `{"status": false, "message", "code"}`, and the HTTP status of each reason."""

from __future__ import annotations

import logging
import math
from http import HTTPStatus
from typing import Any, Literal

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import Http404
from msgspec import Struct
from rest_framework import exceptions
from rest_framework.response import Response

from conversations.errors import Code, Forbidden, Missing, RuleViolation, TooSoon
from conversations.signals import request_refused
from identity import IdentityRefused
from persistence.availability import StoreUnavailable

logger = logging.getLogger(__name__)

BUSY_PAUSE = 2
"""Seconds after which to try again what was refused because a store or the identity provider did not answer."""

STATUS: dict[str, HTTPStatus] = {
    Code.USER_MISMATCH: HTTPStatus.FORBIDDEN,
    Code.ROLE_MISMATCH: HTTPStatus.FORBIDDEN,
    Code.ROLE_NOT_ALLOWED: HTTPStatus.FORBIDDEN,
    Code.NOT_A_MEMBER: HTTPStatus.FORBIDDEN,
    Code.ROOM_BLOCKED: HTTPStatus.FORBIDDEN,
    Code.ROOM_CLOSED: HTTPStatus.FORBIDDEN,
    Code.SHOP_NOT_OF_SELLER: HTTPStatus.FORBIDDEN,
    Code.NOT_THE_SENDER: HTTPStatus.FORBIDDEN,
    Code.NOT_THE_BLOCKER: HTTPStatus.FORBIDDEN,
    Code.MESSAGE_REDACTED: HTTPStatus.FORBIDDEN,
    Code.MESSAGE_NOT_FOUND: HTTPStatus.NOT_FOUND,
    Code.SYNC_TOO_OLD: HTTPStatus.GONE,
    Code.UPLOAD_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Code.STORE_UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.OVERLOADED: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Of the rules' refusals; those not named are 400, `room_not_found` among them: it was so in the old service."""


class Refusal(Struct, kw_only=True):
    """Why a request was refused: `code` for programs, `message` for people."""

    status: Literal[False] = False
    message: str
    code: str


class Unavailable(exceptions.APIException):
    """The identity provider does not answer, so it is unknown who the caller is."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE


def answer_to(error: Exception, context: dict[str, Any]) -> Response:
    """Make the answer to a request whose view raised an error (DRF's EXCEPTION_HANDLER).

    Args:
        error: What was raised.
        context: DRF's context, with the view.
    """
    match error:
        case TooSoon():
            return _wait(error.code, error.message, error.retry_after)
        case Forbidden():
            return _refusal(HTTPStatus.FORBIDDEN, error.code, error.message)
        case Missing():
            return _refusal(HTTPStatus.NOT_FOUND, error.code, error.message)
        case RuleViolation():
            return _refusal(STATUS.get(error.code, HTTPStatus.BAD_REQUEST), error.code, error.message)
        case StoreUnavailable():
            return _refusal(HTTPStatus.SERVICE_UNAVAILABLE, Code.STORE_UNAVAILABLE, str(error))
        case IdentityRefused():
            return _refusal(HTTPStatus.FORBIDDEN, error.code, error.message)
        case exceptions.ParseError() | SuspiciousOperation() | BadRequest():
            return _refusal(HTTPStatus.BAD_REQUEST, Code.VALIDATION_FAILED, str(error))
        case exceptions.Throttled():
            wait = max(1, math.ceil(getattr(error, "wait", None) or 1))
            return _wait(Code.RATE_LIMITED, f"too many requests: try again in {wait} s", wait)
        case exceptions.NotAuthenticated():
            missing = "there is no token; pass one as `Authorization: Bearer …`"
            return _refusal(error.status_code, "token_missing", missing, error)
        case exceptions.UnsupportedMediaType():
            takes = " or ".join(parser.media_type for parser in context["view"].parser_classes)
            return _refusal(error.status_code, str(error.get_codes()), f"the body must be sent as {takes}")
        case exceptions.APIException():
            return _refusal(error.status_code, str(error.get_codes()), str(error.detail), error)
        case Http404():
            return _refusal(HTTPStatus.NOT_FOUND, "not_found", "there is nothing at this address")
        case _:
            logger.error("%s failed.", type(context.get("view")).__name__, exc_info=error)
            return _refusal(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                Code.INTERNAL_ERROR,
                "the server failed to handle this request; the failure has been logged",
            )


def _wait(code: str, message: str, seconds: int) -> Response:
    response = _refusal(HTTPStatus.TOO_MANY_REQUESTS, code, message)
    response["Retry-After"] = str(seconds)
    return response


def _refusal(status: int, code: str, message: str, error: exceptions.APIException | None = None) -> Response:
    request_refused.send(sender=None, door="rest", code=str(code))
    text = message.encode(errors="replace").decode()  # half of a surrogate pair may have come in, and cannot go out
    response = Response(Refusal(message=text, code=code), status=int(status))
    if challenge := getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = challenge
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response["Retry-After"] = str(BUSY_PAUSE)
    return response
