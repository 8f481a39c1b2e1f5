"""Whom the project itself knows: by its session, or by whatever its own callable reads in the scope."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ImproperlyConfigured

from identity import Claims, IdentityRefused, Role, authenticate, identify, issue_token, scope_identity, session_user

ANNA = {"user": User(pk=7, username="anna")}


async def agent(scope: Mapping[str, Any]) -> Claims:
    return Claims(scope["agent"], frozenset({Role.SELLER}), 5.0)


async def refusal(*claim: Any) -> str:
    with pytest.raises(IdentityRefused) as refused:
        await identify(*claim)
    return refused.value.code


async def test_a_session_speaks_for_its_user_on_either_side() -> None:
    identity = await identify(session_user, ANNA, role="SELLER")
    assert (identity.user_id, identity.role, identity.roles) == ("7", Role.SELLER, frozenset(Role))
    assert identity.expires_at == math.inf
    assert (await identify(session_user, ANNA, 7, "BUYER")).role is Role.BUYER


@pytest.mark.parametrize("user", [AnonymousUser(), User(pk=7, is_active=False)])
async def test_who_is_not_signed_in_or_not_active_is_refused(user: User | AnonymousUser) -> None:
    assert await refusal(session_user, {"user": user}, "", "BUYER") == "not_signed_in"


async def test_a_handshake_must_agree_with_the_session() -> None:
    assert await refusal(session_user, ANNA, "8", "BUYER") == "user_mismatch"
    assert await refusal(session_user, ANNA, "7", "JUDGE") == "role_invalid"
    assert await refusal(session_user, ANNA, "7", ["BUYER"]) == "role_invalid"
    assert await refusal(session_user, ANNA) == "role_invalid", "a session is on either side, so it must say which"


async def test_who_is_on_one_side_only_need_not_name_it() -> None:
    identity = await identify(agent, {"agent": "501"})
    assert (identity.user_id, identity.role, identity.expires_at) == ("501", Role.SELLER, 5.0)
    assert await refusal(agent, {"agent": "501"}, "501", "BUYER") == "role_not_allowed"


async def test_a_project_without_the_middleware_is_told_which() -> None:
    with pytest.raises(ImproperlyConfigured, match="AuthMiddlewareStack"):
        await session_user({})


def test_the_setting_names_the_callable(settings: Any) -> None:
    assert scope_identity() is None
    settings.IDENTITY = "identity.session_user"
    assert scope_identity() is session_user
    settings.IDENTITY = "identity.nobody"
    with pytest.raises(ImportError):
        scope_identity()


async def test_sides_may_have_other_names_in_tokens_and_handshakes(settings: Any) -> None:
    settings.AUTH_JWT_KEY = "an HS256 secret of 32 characters!"
    settings.ROLES = {"customer": "BUYER", "agent": "SELLER"}
    assert (await authenticate(issue_token("7", None, 60), "7", "customer")).role is Role.BUYER
    assert Claims.read({"sub": "7", "exp": 9, "roles": ["agent"]}).roles == {Role.SELLER}
    with pytest.raises(IdentityRefused, match="JUDGE"):
        await authenticate(issue_token("7", None, 60), "7", "JUDGE")
