"""Repeats are recognised within a room, by an index that their look-up uses and that a sharded collection can have.

The one before, `message_once`, was unique by `dedup_key` alone. The new one is built first: there is no moment without.
"""

from django.db import migrations, models

from persistence.migration_operations import DropFormerIndex


class Migration(migrations.Migration):
    dependencies = [("conversations", "0003_room_activity")]

    operations = [
        migrations.AddConstraint(
            "Message", models.UniqueConstraint(fields=("room_id", "dedup_key"), name="message_once_in_room")
        ),
        DropFormerIndex("Message", "message_once"),
    ]
