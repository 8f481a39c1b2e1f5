"""What a run showed: what was promised and not kept, counted from what devices were told and from what is stored."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pymongo.database import Database

from .device import Device, Sent
from .traffic import Traffic

LATE = 1.0
"""Seconds from which an acknowledgement or a delivery counts as a sign that the system is not whole."""


@dataclass(slots=True)
class Findings:
    """One row. What counts messages counts each once, but for `missed` and `by_resync`, which count devices."""

    name: str
    recovery: bool
    messages: int = 0
    acked: int = 0
    lost: int = 0
    doubled: int = 0
    not_synced: int | None = None
    told_twice: int = 0
    stored_out_of_order: int = 0
    told_out_of_order: int = 0
    falsely_acked: int = 0
    missed: int = 0
    by_resync: int = 0
    unanswered: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    sockets_lost: int = 0
    of_dead_process: int = 0
    not_back: int = 0
    turned_away: int = 0
    wrong_statuses: int = 0
    quiet_ms: float = 0.0
    meanwhile_ms: float = 0.0
    whole_after: float = 0.0
    logged: list[list[str]] = field(default_factory=list)
    """Of each process: the warnings and errors that it logged."""
    memory_before: list[int] = field(default_factory=list)
    memory_most: list[int] = field(default_factory=list)
    memory_after: list[int] = field(default_factory=list)
    crowd: dict[str, Any] = field(default_factory=dict)

    def broken(self) -> dict[str, int]:
        """What must be nothing whatever happens, where it is something."""
        names = (
            *("lost", "doubled", "stored_out_of_order", "told_out_of_order", "falsely_acked"),
            *("missed", "not_synced", "unanswered", "not_back", "wrong_statuses"),
        )
        return {name: value for name, value in asdict(self).items() if name in names and value}


@dataclass(frozen=True, slots=True)
class Instants:
    """When the measuring began, and the fault began and ended, by `time.monotonic`."""

    quiet: float
    began: float
    ended: float


def take_messages(findings: Findings, traffic: Traffic, database: Database[dict[str, Any]], fault: Instants) -> None:
    """Fill in what became of the messages."""
    stored = _stored(database, [room.id for room in traffic.rooms])
    by_id = {message["_id"]: message for messages in stored.values() for message in messages}
    acked = [sent for sent in traffic.sent if sent.message_id is not None]
    findings.messages, findings.acked = len(traffic.sent), len(acked)
    findings.lost = sum(1 for sent in acked if sent.message_id not in by_id)
    findings.falsely_acked = sum(1 for sent in acked if _is_another(by_id.get(sent.message_id), sent))
    copies = Counter((message["room_id"], message["from"], message["client_message_id"]) for message in by_id.values())
    findings.doubled = sum(count - 1 for count in copies.values())
    findings.refused = dict(Counter(code for sent in traffic.sent for code in sent.refusals))
    _take_order(findings, traffic, stored)
    _take_missed(findings, traffic, acked)
    before = [sent for sent in acked if sent.acked is not None and sent.acked < fault.began]
    findings.quiet_ms = _p99(before, fault.quiet, fault.began)
    findings.meanwhile_ms = _p99(acked, fault.began, fault.ended)


def take_people(findings: Findings, traffic: Traffic, fault: Instants, dead: Iterable[Device]) -> None:
    """Fill in whom the fault disconnected, and when all was well again."""
    gone_by_themselves = set(map(id, traffic.left()))
    devices = [device for device in traffic.devices() if id(device) not in gone_by_themselves]
    findings.sockets_lost = sum(device.lost(fault.began, math.inf) for device in devices)
    findings.of_dead_process = sum(device.lost(fault.began, math.inf) for device in dead if device in devices)
    findings.not_back = sum(1 for device in devices if not device.connected)
    findings.turned_away = sum(len(device.refused) for device in traffic.devices())
    findings.told_twice = sum(
        count - 1
        for device in traffic.devices()
        for count in Counter(message_id for _, _, message_id in device.received).values()
    )
    findings.whole_after = round(max(0.0, _last_trouble(traffic) - fault.ended), 1)


def _stored(database: Database[dict[str, Any]], room_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """By room, in the order of its history."""
    return {
        room_id: list(database["cz_messages"].find({"room_id": room_id}).sort([("created_at", 1), ("_id", 1)]))
        for room_id in room_ids
    }


def _is_another(message: dict[str, Any] | None, sent: Sent) -> bool:
    """Whether what is stored under the acknowledged id is not what was sent."""
    return message is not None and (message["room_id"], message["from"], message["content"]) != (
        sent.room_id,
        sent.sender,
        sent.content,
    )


def _take_order(findings: Findings, traffic: Traffic, stored: dict[str, list[dict[str, Any]]]) -> None:
    sent_once = {sent.content for sent in traffic.sent if sent.attempts == 1}
    place = {message["_id"]: number for messages in stored.values() for number, message in enumerate(messages)}
    # What was sent again comes when it does: whoever sent it has sent more since.
    sender_of = {
        message["_id"]: message["from"]
        for messages in stored.values()
        for message in messages
        if message["content"] in sent_once
    }
    for room in traffic.rooms:
        for person in (room.buyer, room.seller):
            numbers = [
                int(message["content"].split()[0])
                for message in stored[room.id]
                if message["from"] == person.user_id and message["content"] in sent_once
            ]
            findings.stored_out_of_order += _descents(numbers)
        for device in traffic.of_room(room.id):
            ids = dict.fromkeys(message_id for _, room_id, message_id in device.received if room_id == room.id)
            for person in (room.buyer, room.seller):
                told = [place[one] for one in ids if sender_of.get(one) == person.user_id]
                findings.told_out_of_order += _descents(told)


def _descents(numbers: Sequence[int]) -> int:
    """How many come after one that is greater."""
    greatest, count = -1, 0
    for number in numbers:
        count += number < greatest
        greatest = max(greatest, number)
    return count


def _take_missed(findings: Findings, traffic: Traffic, acked: Sequence[Sent]) -> None:
    received = {id(device): {message_id for _, _, message_id in device.received} for device in traffic.devices()}
    for sent in acked:
        for device in traffic.of_room(sent.room_id):
            was_here = device.connected and 0 < device.loaded_afresh() < sent.first_sent
            if not was_here or sent.message_id in received[id(device)]:
                continue
            if any(instant > sent.first_sent for instant in device.resynced):
                findings.by_resync += 1
            else:
                findings.missed += 1


def _p99(acked: Iterable[Sent], since: float, until: float) -> float:
    took = sorted(sent.acked - sent.first_sent for sent in acked if sent.acked and since <= sent.first_sent < until)
    return round(1000 * took[int(len(took) * 0.99)], 1) if took else 0.0


def _last_trouble(traffic: Traffic) -> float:
    """When something was last amiss: a late answer, a late delivery, a client that was away, a wrong status."""
    acked = {sent.message_id: sent for sent in traffic.sent if sent.acked is not None}
    answers = [sent.acked for sent in acked.values() if sent.acked is not None and sent.acked - sent.first_sent > LATE]
    deliveries = [
        at
        for device in traffic.devices()
        for at, _, message_id in device.received
        if (sent := acked.get(message_id)) and at - sent.first_sent > LATE and device.loaded_afresh() < sent.first_sent
    ]
    connects = [connection.began for device in traffic.devices() for connection in device.connections]
    statuses = [at for at, count in traffic.wrong if count]
    resyncs = [at for device in traffic.devices() for at in device.resynced]
    return max((*answers, *deliveries, *connects, *statuses, *resyncs), default=0.0)
