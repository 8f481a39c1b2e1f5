"""The conditions of a query in a form in which the embedded MongoDB finds an index for them.

`$and`s within each other become conditions side by side. The `$or` by which django-mongodb-backend says that a field
is missing or null becomes `{"field": None}`. An end that is included, `$lte` an instant, becomes one that is not,
`$lt` a millisecond later, the finest that MongoDB stores: SecantusDB leaves out what equals the end where an index has
more fields after that one.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from typing import Any

_STRICTER: dict[str, Callable[[Any, Any], Any]] = {"$gt": max, "$gte": max, "$lt": min, "$lte": min}
_MILLISECOND = datetime.timedelta(milliseconds=1)
_COMPARISONS = _STRICTER.keys() | {"$ne", "$exists"}


def side_by_side(match: dict[str, Any]) -> dict[str, Any]:
    """Return equivalent conditions without nested `$and`s, as far as no two conditions are about the same field.

    Comparisons of the same field, such as the two ends of a range, become one condition. Others stay in one `$and`.

    Args:
        match: What a `$match` gets.
    """
    flat: dict[str, Any] = {}
    rest: list[dict[str, Any]] = []
    for name, condition in _conditions(match):
        if name not in flat:
            flat[name] = condition
        elif _may_merge(flat[name], condition):
            flat[name] = _merged(flat[name], condition)
        else:
            rest.append({name: condition})
    flat = {name: _without_implied(condition) for name, condition in flat.items()}
    return {**flat, "$and": rest} if rest else flat


def _conditions(match: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, condition in match.items():
        if name == "$and":
            for part in condition:
                yield from _conditions(part)
        elif name == "$or" and (field := _absent(condition)) is not None:
            yield field, None
        else:
            yield name, _with_open_end(condition)


def _absent(alternatives: list[dict[str, Any]]) -> str | None:
    """The field of an `isnull`, which asks for what is missing or null; MongoDB takes either for null."""
    field = next(iter(alternatives[0]), "")
    return field if alternatives == [{field: {"$exists": False}}, {field: None}] else None


def _may_merge(one: Any, other: Any) -> bool:
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return False
    alike = all(
        one[operator] == other[operator] or (operator in _STRICTER and type(one[operator]) is type(other[operator]))
        for operator in one.keys() & other.keys()
    )
    return alike and one.keys() | other.keys() <= _COMPARISONS


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    both = {
        operator: _STRICTER[operator](one[operator], other[operator])
        for operator in one.keys() & other.keys() & _STRICTER.keys()
    }
    return {**one, **other, **both}


def _with_open_end(condition: Any) -> Any:
    if not isinstance(condition, dict) or not isinstance(end := condition.get("$lte"), datetime.datetime):
        return condition
    if "$lt" in condition:
        return condition
    after = end.replace(microsecond=end.microsecond // 1000 * 1000) + _MILLISECOND
    return {
        ("$lt" if name == "$lte" else name): (after if name == "$lte" else value) for name, value in condition.items()
    }


def _without_implied(condition: Any) -> Any:
    """What is compared with a value is there, and of its type."""
    if not isinstance(condition, dict) or not any(condition.get(end) is not None for end in _STRICTER):
        return condition
    implied = {"$exists": True, "$ne": None}
    return {name: value for name, value in condition.items() if name not in implied or value != implied[name]}
