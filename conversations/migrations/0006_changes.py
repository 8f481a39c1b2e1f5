"""When rooms and what messages say were changed, how far each side has seen, and an index of changed messages.

No document is touched. Messages that were changed before this migration have no `changed_at`.
"""

import datetime

from django.db import migrations, models

import persistence.fields
from persistence.migration_operations import AddAbsentField


class Migration(migrations.Migration):
    dependencies = [("conversations", "0005_uploads")]

    operations = [
        AddAbsentField("Message", "changed_at", models.DateTimeField(blank=True, editable=False, null=True)),
        migrations.AddIndex(
            "Message",
            models.Index(
                condition=models.Q(("changed_at__gte", datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC))),
                fields=["room_id", "changed_at", "message_id"],
                name="message_changes",
            ),
        ),
        *(
            AddAbsentField("Room", name, models.DateTimeField(blank=True, editable=False, null=True))
            for name in ("changed_at", "messages_changed_at")
        ),
        *(
            AddAbsentField(
                "Room", name, persistence.fields.ObjectField(blank=True, default=None, editable=False, null=True)
            )
            for name in ("buyer_seen", "seller_seen")
        ),
    ]
