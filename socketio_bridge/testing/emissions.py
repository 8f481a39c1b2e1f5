"""What an application emits, for tests: asserting on it, and holding it to what its namespaces declare."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec

from socketio_bridge.adapter.broadcast_options import names
from socketio_bridge.events.arguments import annotated_types, explained
from socketio_bridge.events.outgoing import Outgoing, OutgoingEvent, Sent, watchers
from socketio_bridge.server import SocketIOServer

_ANY: Final = object()


class Emissions:
    """What was emitted, in order.

    Attributes:
        all: The events, each with its arguments as JSON has them (`bytes` as they are), namespace and rooms.
        wrong: What is wrong with some of them: a sentence for each.
    """

    def __init__(self, servers: Sequence[SocketIOServer] = ()) -> None:
        self.all: list[Sent] = []
        self.wrong: list[str] = []
        self._servers = servers

    def emitted(
        self, event: str | Outgoing[Any] | OutgoingEvent[..., Any], *, to: Any = _ANY, namespace: Any = _ANY
    ) -> list[list[Any]]:
        """Assert that an event was emitted.

            [[order]] = emissions.emitted("shipped", to="order:7")
            emissions.emitted(shipped(Order(order_id=7)), to="order:7")

        Args:
            event: Its name; or a declared event, or one with the arguments that it must have had.
            to: The room or rooms that it must have been for, in any order; None: the whole namespace. Left out: any.
            namespace: The path that it must have been emitted in. Left out: any.

        Returns:
            The arguments of each such emission, in order.

        Raises:
            AssertionError: There is none. The message lists what was emitted.
        """
        found = self._matching(event, to, namespace)
        if not found:
            listed = "".join(f"\n  {_shown(each)}" for each in self.all) or " nothing"
            raise AssertionError(f"{_wanted(event, to, namespace)} was not emitted, but:{listed}")
        return [list(each.arguments) for each in found]

    def not_emitted(
        self, event: str | Outgoing[Any] | OutgoingEvent[..., Any], *, to: Any = _ANY, namespace: Any = _ANY
    ) -> None:
        """Assert that an event was not emitted; the arguments are those of `emitted`.

        Raises:
            AssertionError: It was.
        """
        if found := self._matching(event, to, namespace):
            raise AssertionError(f"{_wanted(event, to, namespace)} was emitted: {_shown(found[0])}")

    def clear(self) -> None:
        """Forget what was emitted so far."""
        self.all.clear()

    def watch(self, sent: Sent) -> None:
        """Take an event that is emitted."""
        self.wrong += (f"{_shown(sent)}: {problem}" for problem in _problems(sent, self._servers))
        self.all.append(sent._replace(arguments=[_travelling(each) for each in sent.arguments]))

    def _matching(self, event: str | Outgoing[Any] | OutgoingEvent[..., Any], to: Any, namespace: Any) -> list[Sent]:
        name = event if isinstance(event, str) else event.name
        arguments = [_travelling(each) for each in event.arguments] if isinstance(event, Outgoing) else None
        return [
            each
            for each in self.all
            if each.name == name
            and (arguments is None or each.arguments == arguments)
            and (namespace is _ANY or each.namespace == namespace)
            and (to is _ANY or _rooms(each.to) == (None if to is None else _rooms(names(to))))
        ]


@contextmanager
def record_emissions(*servers: SocketIOServer) -> Iterator[Emissions]:
    """Record what this process emits within the block; it goes out all the same.

        with record_emissions(server) as emissions:
            client.post("/orders/7/ship")
        emissions.emitted("shipped", to="order:7")

    Args:
        servers: The servers whose namespaces declare events (`Namespace.emits`). What is emitted in one that does must
            be declared there, with these arguments.

    Raises:
        AssertionError: At the end: something was emitted that is not declared, or with other arguments.
    """
    emissions = Emissions(servers)
    watchers.append(emissions.watch)
    try:
        yield emissions
    finally:
        watchers.remove(emissions.watch)
    if emissions.wrong:
        raise AssertionError("emitted, but not as declared:\n  " + "\n  ".join(emissions.wrong))


def _problems(sent: Sent, servers: Iterable[SocketIOServer]) -> Iterator[str]:
    for server in servers:
        if isinstance(sent.namespace, str):
            found = server.find_namespace(sent.namespace)
            namespaces = [] if found is None else [found]
        else:
            pattern = sent.namespace
            namespaces = [each for path, each in server.namespaces.items() if pattern.fullmatch(path)]
            namespaces += [each for each in server.dynamic_namespaces if each.pattern == pattern]
        for namespace in namespaces:
            declared = {event.name: event for event in namespace.emits}
            if declared and sent.name not in declared:
                known = ", ".join(sorted(declared))
                yield f"{type(namespace).__name__} declares no such event; there are: {known}"
            elif declared:
                yield from _misfits(declared[sent.name], sent.arguments)


def _misfits(event: OutgoingEvent[..., Any], arguments: Sequence[Any]) -> Iterator[str]:
    parameters = list(inspect.signature(event.function).parameters.values())
    required = sum(parameter.default is parameter.empty for parameter in parameters)
    if not required <= len(arguments) <= len(parameters):
        declared = f"{required}" if required == len(parameters) else f"{required} to {len(parameters)}"
        yield f"it has {len(arguments)} argument(s), where {declared} are declared"
        return
    types = annotated_types(event.function, [parameter.name for parameter in parameters])
    for parameter, argument in zip(parameters, arguments, strict=False):
        kind, given = types.get(parameter.name, Any), _travelling(argument)
        try:
            fitting = msgspec.convert(given, kind, builtin_types=(bytes,), str_keys=True)
        except msgspec.ValidationError as error:
            yield f"{parameter.name}: {explained(error, kind)}"
        else:
            yield from (f"{parameter.name}: no field {field}" for field in _surplus(given, _travelling(fitting)))


def _surplus(given: Any, fitting: Any, path: str = "$") -> Iterator[str]:
    """The fields of what was given that its type does not have."""
    if isinstance(given, dict) and isinstance(fitting, dict):
        for key, value in given.items():
            if key not in fitting:
                yield f"`{path}.{key}`"
            else:
                yield from _surplus(value, fitting[key], f"{path}.{key}")
    elif isinstance(given, list) and isinstance(fitting, list):
        for number, (one, other) in enumerate(zip(given, fitting, strict=False)):
            yield from _surplus(one, other, f"{path}[{number}]")


def _travelling(value: Any) -> Any:
    """A value as JSON has it, but for binary."""
    if isinstance(value, dict):
        return {str(key): _travelling(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_travelling(each) for each in value]
    plain = msgspec.to_builtins(value, builtin_types=(bytes, bytearray, memoryview), str_keys=True)
    return _travelling(plain) if isinstance(plain, dict | tuple | list) else plain


def _rooms(rooms: Sequence[str] | None) -> frozenset[str] | None:
    return None if rooms is None else frozenset(rooms)


def _wanted(event: str | Outgoing[Any] | OutgoingEvent[..., Any], to: Any, namespace: Any) -> str:
    where = ("" if to is _ANY else f" to {to!r}") + ("" if namespace is _ANY else f" in {namespace!r}")
    return f"{event if isinstance(event, Outgoing | OutgoingEvent) else repr(event)}{where}"


def _shown(sent: Sent) -> str:
    whom = "everybody" if sent.to is None else ", ".join(sent.to)
    arguments = ", ".join(map(repr, sent.arguments))
    where = sent.namespace if isinstance(sent.namespace, str) else sent.namespace.pattern
    return f"{sent.name}({arguments:.300}) to {whom} in {where}"
