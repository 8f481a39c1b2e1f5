"""What a webhook's position has besides: what it was told ahead of the changes, and why it is paused."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("event_relay", "0002_catching_up")]

    operations = [
        migrations.AddField(model_name="relayposition", name="ahead", field=models.JSONField(blank=True, default=list)),
        migrations.AddField(
            model_name="relayposition", name="paused", field=models.CharField(blank=True, default="", max_length=1000)
        ),
    ]
