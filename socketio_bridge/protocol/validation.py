"""What was wrong with a value, in words: msgspec's own and, where it had to be one of several, which these are."""

import re
from typing import Any

import msgspec

_NONE_OF_THEM = re.compile(r"Invalid enum value .*?(?: - at `\$(?P<path>(?:\.\w+)*)`)?", re.DOTALL)


def explained(error: Exception, *types: Any) -> str:
    """The message of an `error` that came of reading values as these `types`."""
    text = str(error)
    found = _NONE_OF_THEM.fullmatch(text)
    if found is None:
        return text
    names = (found["path"] or "").split(".")[1:]
    for each in types:
        if values := _values(msgspec.inspect.type_info(each), names):
            return f"{text}: it must be one of {', '.join(map(str, values))}"
    return text


def _values(kind: msgspec.inspect.Type, names: list[str]) -> list[Any]:
    """What a field may be: the one that is found by these names, one inside the other."""
    match kind:
        case msgspec.inspect.UnionType():
            return [value for each in kind.types for value in _values(each, names)]
        case msgspec.inspect.StructType() if names:
            return [
                value
                for field in kind.fields
                if field.encode_name == names[0]
                for value in _values(field.type, names[1:])
            ]
        case msgspec.inspect.LiteralType() if not names:
            return list(kind.values)
        case msgspec.inspect.EnumType() if not names:
            return [member.value for member in kind.cls]
    return []
