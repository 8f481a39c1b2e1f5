"""How far a catch-up came is part of the position."""

from django.db import migrations

import persistence.fields


class Migration(migrations.Migration):
    dependencies = [("event_relay", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="relayposition",
            name="catching_up",
            field=persistence.fields.ObjectField(blank=True, default=None, null=True),
        ),
    ]
