"""MongoDB: which one answers, whether it takes durable writes, its members, its indexes, its clock, its room."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pymongo
from django.apps import apps
from django.conf import settings
from django.db import DatabaseError
from django.db.migrations.executor import MigrationExecutor
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from chozoi_chat.doctor.finding import Finding, error, note, ok, warning
from conversations.models import Message, Room
from persistence.addresses import without_password
from persistence.availability import brief
from persistence.configuration import value_of
from persistence.database import connection
from persistence.engine.schema import missing_indexes
from persistence.engine.server import UnsupportedMongoDB, running_server
from persistence.store_clock import store_clock
from persistence.write_proof import WriteProof

_PATIENCE = 5.0  # seconds
_SLOW = 0.1  # seconds that a durable write takes on a healthy replica set, at most
_LAG = 10.0  # seconds that a member may be behind
_FULL = 0.85  # of the disk
_UNUSED_FOR = timedelta(days=7)
_OPLOG = timedelta(days=1)  # that it should reach back at least
_FEWEST = 3  # members that hold data: with fewer, the loss of one stops majority writes


def look() -> Iterator[Finding]:
    """Look at MongoDB. Without an answer there is one finding."""
    try:
        server = running_server(_PATIENCE)
    except UnsupportedMongoDB as wrong:
        yield error(str(wrong).rstrip("."), "docs/operations.md names the versions that are served.")
        return
    except PyMongoError as away:
        yield error(
            f"MongoDB does not answer: {brief(away)}",
            f"MONGODB_URI is {without_password(settings.MONGODB_URI)!r}: is it right, and does MongoDB run there?",
        )
        return
    yield ok(f"version {'.'.join(map(str, server.version))}, a {server.topology}")
    client: MongoClient[dict[str, Any]] = connection.database.client  # type: ignore[attr-defined]  # the backend's own
    with pymongo.timeout(4 * _PATIENCE):
        if server.limitation:
            level = error if value_of("KAFKA_BOOTSTRAP_SERVERS") or value_of("WEBHOOKS") else warning
            yield level(server.limitation.split(":")[0], server.limitation.split(": ", 1)[1])
        for part in (_members, _writes, _migrations, _indexes, _plans, _clock, _room, _oplog):
            try:
                yield from part(client)
            except (PyMongoError, DatabaseError) as refused:
                yield note(f"{part.__name__.strip('_')} could not be looked at: {brief(refused)}")


def _members(client: MongoClient[dict[str, Any]]) -> Iterator[Finding]:
    hello = client.admin.command("hello")
    if "setName" not in hello:
        return
    holding = len(hello.get("hosts", [])) + len(hello.get("passives", []))
    if holding < _FEWEST:
        members = "one member" if holding == 1 else f"{holding} members"
        yield warning(
            f"the replica set {hello['setName']} has its data on {members}: the loss of one stops all writes, "
            "or loses all",
            "Have three members that hold data, on three machines. An arbiter does not confirm writes.",
        )
    else:
        yield ok(f"replica set {hello['setName']}: {holding} members hold data")
    try:
        status = client.admin.command("replSetGetStatus")
    except OperationFailure as refused:
        yield note(f"how the members are is not told: {brief(refused)}", "The role clusterMonitor may ask.")
        return
    yield from members_of(status)


def members_of(status: Mapping[str, Any]) -> Iterator[Finding]:
    """Judge the answer to `replSetGetStatus`.

    Args:
        status: The answer.
    """
    members = status.get("members", [])
    newest = max((each["optimeDate"] for each in members if each.get("optimeDate")), default=None)
    for each in members:
        name, state = each.get("name"), each.get("stateStr")
        if each.get("health", 1) != 1 or state not in ("PRIMARY", "SECONDARY", "ARBITER"):
            yield error(f"the member {name} is {state}", "See to it before another one fails.")
        elif state == "SECONDARY" and newest and (behind := (newest - each["optimeDate"]).total_seconds()) > _LAG:
            yield warning(
                f"the member {name} is {behind:.0f} s behind", "Majority writes wait for it when another fails."
            )


def _writes(client: MongoClient[dict[str, Any]]) -> Iterator[Finding]:
    began = time.monotonic()
    try:
        WriteProof().write(redis_answers=False)
    except (PyMongoError, DatabaseError) as refused:
        yield error(f"it takes no durable writes: {brief(refused)}", "docs/operations.md, “When MongoDB is away”.")
        return
    seconds = time.monotonic() - began
    said = f"a write with w=majority and journal=true took {seconds * 1000:.0f} ms"
    if seconds > _SLOW:
        yield warning(said, "Each group of messages waits for one: look at the disks and the network of the members.")
    else:
        yield ok(said)


def _migrations(client: MongoClient[dict[str, Any]]) -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in plan[:5])
        yield error(
            f"{len(plan)} migrations have not been applied: {names}{', …' * (len(plan) > 5)}", "manage.py migrate"
        )
    else:
        yield ok("all migrations have been applied")


def _indexes(client: MongoClient[dict[str, Any]]) -> Iterator[Finding]:
    missing = missing_indexes(connection, apps.get_models())
    for statement in missing:
        yield error("an index is missing", statement)
    tables = {model._meta.db_table for model in apps.get_models()} & set(connection.introspection.table_names())
    found = 0
    for table in sorted(tables):
        collection = connection.database[table]  # type: ignore[attr-defined]  # the backend's own
        for index in collection.list_indexes():
            found += 1
            if index.get("hidden"):
                yield error(
                    f"the index {index['name']} of {table} is hidden, so that no query uses it",
                    f"db.{table}.unhideIndex({index['name']!r})",
                )
        yield from unused_of(table, collection.aggregate([{"$indexStats": {}}]))
    if not missing:
        yield ok(f"the {found} indexes of {len(tables)} collections are there")


def unused_of(table: str, statistics: Any) -> Iterator[Finding]:
    """Name the indexes of a collection that no query has used for long.

    Args:
        table: The collection.
        statistics: What `$indexStats` says of it.
    """
    for each in statistics:
        accesses = each.get("accesses", {})
        since = accesses.get("since")
        if each["name"] == "_id_" or accesses.get("ops") or not isinstance(since, datetime):
            continue
        if datetime.now(UTC) - since.replace(tzinfo=since.tzinfo or UTC) > _UNUSED_FOR:
            host = each.get("host", "")
            yield note(
                f"no query has used the index {each['name']} of {table} since {since:%Y-%m-%d} on {host}",
                "One that is not this release's may be dropped; each write pays for it.",
            )


def _plans(client: MongoClient[dict[str, Any]]) -> Iterator[Finding]:
    """How MongoDB would answer what apps ask most: a page of a history, and the rooms of a user."""
    messages, rooms = (connection.database[model._meta.db_table] for model in (Message, Room))  # type: ignore[attr-defined]
    newest_first = [("created_at", -1), ("_id", -1)]
    asked = {
        "a page of a history": messages.find({"room_id": "1.2"}).sort(newest_first).limit(15),
        "a buyer's rooms": rooms.find({"buyer": "1"}),
        "a seller's rooms": rooms.find({"seller": "1"}),
    }
    if not {Message._meta.db_table, Room._meta.db_table} <= set(connection.introspection.table_names()):
        return
    for what, cursor in asked.items():
        if "COLLSCAN" in _stages(cursor.explain()):
            yield error(f"{what} reads the whole collection", "See the indexes above that are missing or hidden.")
        else:
            yield ok(f"{what} is read by an index")


def _stages(plan: Any) -> Iterator[str]:
    if isinstance(plan, Mapping):
        for name, value in plan.items():
            if name == "stage":
                yield str(value)
            elif name != "rejectedPlans":
                yield from _stages(value)
    elif isinstance(plan, list):
        for each in plan:
            yield from _stages(each)


def _clock(client: MongoClient[dict[str, Any]]) -> Iterator[Finding]:
    store_clock.keep()
    if store_clock.limitation:
        yield warning(store_clock.limitation, "Set it right (chrony, systemd-timesyncd): tokens expire by it.")
    else:
        yield ok("this machine's clock agrees with MongoDB's")


def _room(client: MongoClient[dict[str, Any]]) -> Iterator[Finding]:
    used = client.get_database(settings.DATABASES["default"]["NAME"]).command("dbStats")
    yield from room_of(used)


def room_of(statistics: Mapping[str, Any]) -> Iterator[Finding]:
    """Judge the room on the disk by the answer to `dbStats`.

    Args:
        statistics: The answer.
    """
    used, total = statistics.get("fsUsedSize", 0), statistics.get("fsTotalSize", 0)
    if total and used / total > _FULL:
        yield warning(
            f"MongoDB's disk is full by {used / total:.0%}", "Give it room: with a full disk all messages are refused."
        )


def _oplog(client: MongoClient[dict[str, Any]]) -> Iterator[Finding]:
    if not (value_of("KAFKA_BOOTSTRAP_SERVERS") or value_of("WEBHOOKS")):
        return
    oplog = client.local["oplog.rs"]
    first = oplog.find_one(sort=[("$natural", 1)])
    statistics = client.local.command("collStats", "oplog.rs")
    if first is not None:
        yield from reach_of(first["ts"].as_datetime(), statistics, datetime.now(UTC))


def reach_of(first: datetime, statistics: Mapping[str, Any], now: datetime) -> Iterator[Finding]:
    """Judge how far the oplog reaches back. One with room left has not forgotten anything yet.

    Args:
        first: The time of its first entry.
        statistics: The answer to `collStats`.
        now: The time.
    """
    most = statistics.get("maxSize", 0)
    if most and statistics.get("size", 0) > 0.9 * most and now - first < _OPLOG:
        hours = (now - first).total_seconds() / 3600
        yield warning(
            f"the oplog reaches back {hours:.0f} hours: a relay that is away for longer catches up less exactly",
            "Enlarge it: db.adminCommand({replSetResizeOplog: 1, size: …, minRetentionHours: 24})",
        )
