"""Where the relay stands."""

from django.db import migrations, models

import persistence.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="RelayPosition",
            fields=[
                ("topic", models.CharField(db_column="_id", max_length=255, primary_key=True, serialize=False)),
                ("holder", models.CharField(blank=True, default="", max_length=255)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("resume_token", persistence.fields.ObjectField(blank=True, default=dict)),
                ("relayed_until", models.DateTimeField(blank=True, null=True)),
            ],
            options={"db_table": "event_relay_positions"},
        ),
    ]
