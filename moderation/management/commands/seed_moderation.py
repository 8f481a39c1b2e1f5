"""`manage.py seed_moderation`: something in the queues of staff, in the rooms that `seed_demo` makes."""

from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync
from django.core.management.base import BaseCommand

from conversations.errors import RuleViolation
from conversations.models import Message, Room
from conversations.requests import NewMessage
from conversations.services import send_message
from identity import Role
from moderation import services
from moderation.models import AuditRecord, FilterAction, FilterKind, MessageFilter
from moderation.payloads import NewReport
from moderation.staff import Staff

COMPLAINT = ("7.502", "It is, I have put it aside for you.")
HELD = ("8.501", "501", "8", "Bowls come on Friday. With a bank transfer to my own account you get them cheaper.")


@dataclass(frozen=True)
class Somebody:
    """A user of the demo."""

    user_id: str
    roles: frozenset[Role] = frozenset(Role)


class Command(BaseCommand):
    help = "Put reports, a filter and a message that it holds into the demo, unless staff have done anything before."

    def handle(self, **options: Any) -> None:
        reported = Message.objects.filter(room_id=COMPLAINT[0], content=COMPLAINT[1]).first()
        if reported is None or not Room.objects.filter(pk=HELD[0]).exists() or AuditRecord.objects.exists():
            return
        async_to_sync(self._fill)(reported)
        self.stdout.write("Demo: two reports, a filter, and a message that it holds.")

    async def _fill(self, reported: Message) -> None:
        words = MessageFilter(
            name="Payment outside the shop",
            kind=FilterKind.WORDS,
            patterns="bank transfer\nchuyển khoản",
            action=FilterAction.HOLD,
        )
        await services.save_filter(Staff.at_the_console("seed_moderation"), words)
        room_id, sender, recipient, content = HELD
        message = NewMessage(room_id=room_id, sender=sender, recipient=recipient, type="TEXT", content=content)
        try:
            await send_message(Somebody(sender), message)
        except RuleViolation as held:
            if held.code != "held_for_review":
                raise
        for reporter, report in (
            ("7", NewReport(target_type="message", target_id=reported.pk, reason="fraud", text="Sold to another!")),
            ("8", NewReport(target_type="user", target_id="501", reason="spam")),
        ):
            await services.report(Somebody(reporter), report)
