"""Times travel as ISO 8601, UTC, milliseconds, Z."""

import datetime

import pytest

from persistence.timestamps import UTC, from_milliseconds, from_wire, to_milliseconds, to_wire

AN_INSTANT = datetime.datetime(2020, 10, 11, 0, 13, 35, 390_000, tzinfo=UTC)


def test_an_instant_travels_with_exactly_three_digits_of_a_second() -> None:
    assert to_wire(AN_INSTANT) == "2020-10-11T00:13:35.390Z"
    assert to_wire(AN_INSTANT.replace(microsecond=0)) == "2020-10-11T00:13:35.000Z"


def test_another_zone_is_turned_into_utc() -> None:
    hanoi = datetime.timezone(datetime.timedelta(hours=7))
    assert to_wire(AN_INSTANT.astimezone(hanoi)) == "2020-10-11T00:13:35.390Z"


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00.000Z", "0999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"])
def test_every_year_there_is_travels_with_four_digits(text: str) -> None:
    assert to_wire(from_wire(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "2020-10-11T00:13:35.390Z",
        "2020-10-11T07:13:35.390+07:00",
        "2020-10-11T00:13:35.390999Z",
        "2020-10-11 00:13:35.390",
    ],
)
def test_any_iso_form_comes_in_cut_to_milliseconds_and_no_zone_means_utc(text: str) -> None:
    assert from_wire(text) == AN_INSTANT


def test_milliseconds_survive_both_ways_exactly() -> None:
    for milliseconds in (0, 1, 1602375215390, 1602375215391):
        assert to_milliseconds(from_milliseconds(milliseconds)) == milliseconds
