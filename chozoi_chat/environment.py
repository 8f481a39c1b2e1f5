"""Reads environment variables, and knows afterwards which ones there are: for docs/operations.md and for `doctor`.

An empty variable counts as unset, as in a compose file's `NAME=`. What a value may be, checks judge.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from django.core.exceptions import ImproperlyConfigured

from persistence.configuration import known_settings

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that the settings read.

    Attributes:
        name: Its name.
        kind: What it holds: "text", "list", "switch", "number", "choice" or "JSON".
        default: What counts where it is unset, as one would write it; "" where that is nothing, or found out otherwise;
            None where an app declares it.
    """

    name: str
    kind: str
    default: str | None


known: Final[dict[str, Variable]] = {}
"""All variables that were read, by their names, in the order in which the settings have them."""


def _read(name: str, kind: str, default: str) -> str:
    """Return a variable without spaces around it, and note what it is. A second look as text says nothing new."""
    if kind != "text" or name not in known:
        known[name] = Variable(name, kind, default)
    return os.environ.get(name, "").strip() or default


def text(name: str, default: str = "") -> str:
    """Return a variable without spaces around it. An empty one counts as unset, as in a compose file's `NAME=`."""
    return _read(name, "text", default)


def names(name: str, default: str = "") -> list[str]:
    """Return what stands between the commas of a variable, without spaces around it and without empty parts."""
    return [part.strip() for part in _read(name, "list", default).split(",") if part.strip()]


def switch(name: str, *, default: bool = False) -> bool:
    """Return a variable as a bool.

    Raises:
        ImproperlyConfigured: It is none of true, yes, on, 1, false, no, off and 0.
    """
    match _read(name, "switch", str(default).lower()).lower():
        case "true" | "yes" | "on" | "1":
            return True
        case "false" | "no" | "off" | "0":
            return False
    raise ImproperlyConfigured(f"{name} is {text(name)!r}; it must be true or false.")


def whole_number(name: str, default: int = 0) -> int:
    """Return a variable as an int.

    Raises:
        ImproperlyConfigured: It is no whole number.
    """
    value = _read(name, "number", str(default))
    try:
        return int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {value!r}; it must be a whole number such as {default}.") from None


def one_of(name: str, default: str, values: Collection[str]) -> str:
    """Return a variable in capitals.

    Raises:
        ImproperlyConfigured: It is none of the values.
    """
    value = _read(name, "choice", default).upper()
    if value not in values:
        raise ImproperlyConfigured(f"{name} is {text(name)!r}; it must be one of {', '.join(values)}.")
    return value


def json_object(name: str) -> dict[str, Any]:
    """Return a variable as a dict; an empty one where it is unset.

    Raises:
        ImproperlyConfigured: It is no JSON object.
    """
    try:
        return msgspec.json.decode(_read(name, "JSON", "") or "{}", type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise ImproperlyConfigured(f'{name} is no JSON object such as {{"name": "value"}}: {error}.') from None


def those_set(read: Callable[[str], Value], listed: str) -> dict[str, Any]:
    """Return the variables of a list that are set, each as the key of CONVERSATIONS that has its name.

    Args:
        read: One of the functions above.
        listed: Their names, with spaces between them. Those that are unset have the defaults that apps declare.
    """
    values = {name: read(name) for name in listed.split()}
    known.update({name: replace(known[name], default=None) for name in values})
    return {name: value for name, value in values.items() if os.environ.get(name, "").strip()}


def misspelt(names: Iterable[str], *, alike: float = 0.88) -> dict[str, str]:
    """Return which variables nothing reads although they are almost called as one that is read, with that one.

    Args:
        names: Names of variables that are set.
        alike: How alike two names must be, from 0 to 1, as difflib measures it.
    """
    unknown = (name for name in names if name not in known)
    near = {name: get_close_matches(name, known, n=1, cutoff=alike) for name in unknown}
    return {name: found[0] for name, found in near.items() if found}


def document(folder: Path) -> str:
    """Return a table of all variables, in Markdown.

    Args:
        folder: The project's. A default below it is written relative to it.
    """
    rows = ["| variable | kind | where it is unset |", "| --- | --- | --- |"]
    for variable in sorted(known.values(), key=lambda variable: variable.name):
        default = as_written(variable).replace(f"{folder}/", "")
        rows.append(f"| `{variable.name}` | {variable.kind} | {f'`{default}`' if default else '–'} |")
    return "\n".join(rows)


def as_written(variable: Variable) -> str:
    """Return what counts where a variable is unset, as one would write it."""
    if variable.default is not None:
        return variable.default
    default = getattr(known_settings()[variable.name](), variable.name)
    return ",".join(default) if isinstance(default, tuple) else str(default)
