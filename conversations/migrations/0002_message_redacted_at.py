"""When a message was redacted; absent: it was not."""

from django.db import migrations, models

from persistence.migration_operations import AddAbsentField


class Migration(migrations.Migration):
    dependencies = [("conversations", "0001_initial")]

    operations = [
        AddAbsentField("EmbeddedMessage", "redacted_at", models.DateTimeField(blank=True, null=True)),
        AddAbsentField("Message", "redacted_at", models.DateTimeField(blank=True, null=True)),
    ]
