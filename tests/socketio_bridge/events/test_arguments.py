"""What a client reads of a value that does not fit: what it was, and what would be right."""

from enum import Enum
from typing import Any, Literal

import msgspec
import pytest

from socketio_bridge.events.arguments import explained


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Paint(msgspec.Struct, rename={"kind": "type"}):
    kind: Literal["OIL", "CHALK"] | None = None
    colour: Colour = Colour.RED


class Order(msgspec.Struct):
    paint: Paint
    count: int = 1


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"paint": {"type": "TAR"}}, "Invalid enum value 'TAR' - at `$.paint.type`: it must be one of CHALK, OIL"),
        ({"paint": {"colour": "x"}}, "Invalid enum value 'x' - at `$.paint.colour`: it must be one of red, blue"),
        ({"paint": {}, "count": "many"}, "Expected `int`, got `str` - at `$.count`"),
        ({}, "Object missing required field `paint`"),
    ],
)
def test_a_value_that_is_none_of_several_is_told_which_these_are(value: Any, problem: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert(value, Order)
    assert explained(refused.value, int, Order) == problem


def test_an_argument_may_itself_be_one_of_several() -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.json.decode(b'"green"', type=Colour)
    assert explained(refused.value, Colour) == "Invalid enum value 'green': it must be one of red, blue"
