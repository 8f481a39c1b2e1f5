"""Indexes of sellers' room lists: of a seller with thousands of rooms, a page reads a few."""

import datetime

from django.db import migrations, models

from persistence.indexes import PathIndex

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


class Migration(migrations.Migration):
    dependencies = [("conversations", "0006_changes")]

    operations = [
        migrations.AddIndex(
            "Room",
            PathIndex(fields=["seller"], paths=["-seller_last_message.created_at", "_id"], name="room_list_seller"),
        ),
        migrations.AddIndex(
            "Room",
            models.Index(
                condition=models.Q(("pinned_by_seller__gte", EPOCH)),
                fields=["seller", "pinned_by_seller"],
                name="room_pinned_seller",
            ),
        ),
    ]
