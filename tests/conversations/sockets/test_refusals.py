"""Which refusals at the door are final, and which have a client try again."""

import pytest

from conversations.errors import Code, Forbidden, RuleViolation, TooSoon
from conversations.sockets.refusals import Refusal, refused_connection
from identity import IdentityRefused
from persistence.availability import StoreUnavailable
from socketio_bridge import ConnectionRefused, TryAgainLater


@pytest.mark.parametrize(
    "refusal",
    [
        StoreUnavailable("the message store does not answer"),
        IdentityRefused("identity_unavailable", "nobody answers"),
        RuleViolation(Code.OVERLOADED, "too much waits"),
        TooSoon(Code.RATE_LIMITED, "too many connections", retry_after=9),
    ],
    ids=repr,
)
def test_what_is_temporary_has_the_client_try_again(refusal: Refusal) -> None:
    assert isinstance(refused_connection("Authentication Error", refusal), TryAgainLater)


def test_the_connection_is_kept_for_as_long_as_the_limit_says() -> None:
    refused = refused_connection("no", TooSoon(Code.RATE_LIMITED, "too many connections", retry_after=9))
    assert isinstance(refused, TryAgainLater) and refused.retry_after == 9


@pytest.mark.parametrize(
    "refusal",
    [IdentityRefused("token_expired", "get a fresh one"), Forbidden("banned", "this user is banned")],
    ids=repr,
)
def test_what_the_client_has_to_mend_is_said(refusal: IdentityRefused | Forbidden) -> None:
    refused = refused_connection("Authentication Error", refusal)
    assert isinstance(refused, ConnectionRefused)
    assert (refused.message, refused.data) == (
        "Authentication Error",
        {"code": refusal.code, "message": refusal.message},
    )
