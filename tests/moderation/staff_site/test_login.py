"""The login of staff: only so many tries, of one name and from one address."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings
from redis import Redis

from moderation.staff_site.login import ADDRESS_FACTOR, NAME_FACTOR, login_succeeded
from tests.moderation.conftest import Store

FEW = 3
HERE, THERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture(autouse=True)
def account(database: Store, settings: Settings) -> User:
    """Anna's, and no try counted yet."""
    settings.LOGIN_FAILURES, settings.LOGIN_LOCKOUT = FEW, 900
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with Redis.from_url(settings.REDIS_ADDRESS) as redis:
        for key in redis.scan_iter("chozoi:logins:*"):
            redis.delete(key)
    return User.objects.create_user("anna", password="correct horse", is_staff=True)


def log_in(name: str = "anna", password: str = "wrong", address: str = HERE) -> HttpResponse:
    given = {"username": name, "password": password, "next": "/admin/"}
    answer: HttpResponse = Client().post("/admin/login/", given, REMOTE_ADDR=address)  # type: ignore[assignment]
    return answer


def is_refused(answer: HttpResponse) -> bool:
    return "Too many failed logins. Try again in 15 minutes." in answer.text


def is_in(answer: HttpResponse) -> bool:
    return answer.status_code == 302


def test_after_a_few_failures_the_right_password_is_refused_too() -> None:
    for _ in range(FEW):
        assert "Please enter the correct username" in log_in().text
    assert is_refused(log_in())
    assert is_refused(log_in(password="correct horse"))
    assert is_refused(log_in("ANNA", password="correct horse"))


def test_from_elsewhere_the_owner_still_gets_in() -> None:
    for _ in range(FEW + 1):
        log_in()
    assert is_in(log_in(password="correct horse", address=THERE))


def test_a_good_login_starts_anew() -> None:
    for _ in range(3):
        log_in(), log_in()
        assert is_in(log_in(password="correct horse"))


def test_one_address_has_so_many_tries_of_any_names() -> None:
    for number in range(ADDRESS_FACTOR * FEW):
        assert not is_refused(log_in(f"somebody{number}"))
    assert is_refused(log_in(password="correct horse"))
    assert is_in(log_in(password="correct horse", address=THERE))


def test_one_name_has_so_many_tries_from_anywhere() -> None:
    for number in range(NAME_FACTOR * FEW):
        assert not is_refused(log_in(address=f"198.51.100.{number}"))
    assert is_refused(log_in(address=THERE))


def test_the_lock_ends(settings: Settings) -> None:
    for _ in range(FEW + 2):
        log_in()
    with Redis.from_url(settings.REDIS_ADDRESS) as redis:
        lives = [redis.pttl(key) for key in redis.scan_iter("chozoi:logins:*")]
        assert len(lives) == 3
        assert all(0 < life <= 900_000 for life in lives), "further tries do not make it longer"
        redis.delete(*redis.scan_iter("chozoi:logins:*"))
    assert is_in(log_in(password="correct horse"))


def test_it_can_be_switched_off(settings: Settings) -> None:
    settings.LOGIN_FAILURES = 0
    for _ in range(2 * FEW):
        log_in()
    assert is_in(log_in(password="correct horse"))


def test_without_redis_nobody_is_kept_out(settings: Settings) -> None:
    settings.REDIS_ADDRESS = "redis://127.0.0.1:1/0"
    for _ in range(FEW + 1):
        assert not is_refused(log_in())
    assert is_in(log_in(password="correct horse"))


def test_who_is_no_staff_does_not_get_in() -> None:
    User.objects.create_user("bob", password="battery staple")
    assert "for a staff account" in log_in("bob", "battery staple").text


def test_forms_without_a_token_are_refused(database: Store) -> None:
    given = {"username": "anna", "password": "correct horse"}
    assert Client(enforce_csrf_checks=True).post("/admin/login/", given).status_code == 403


def test_who_is_kept_out_at_one_place_uses_up_no_tries_of_others() -> None:
    for _ in range(NAME_FACTOR * FEW + 1):
        log_in()
    assert is_in(log_in(password="correct horse", address=THERE)), "the name is not locked everywhere"
    User.objects.create_user("bob", password="battery staple", is_staff=True)
    assert is_in(log_in("bob", "battery staple")), "nor are colleagues behind the same address"


def test_a_good_login_leaves_no_count_that_never_ends(settings: Settings) -> None:
    """What was counted may have ended while the password was looked at, or Redis have been away before."""
    login_succeeded("anna", HERE)
    with Redis.from_url(settings.REDIS_ADDRESS) as redis:
        assert all(redis.pttl(key) > 0 for key in redis.scan_iter("chozoi:logins:*"))
    assert not is_refused(log_in())
