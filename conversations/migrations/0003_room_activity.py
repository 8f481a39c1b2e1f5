"""An index of all rooms by their last activity, for those who look through all of them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0002_message_redacted_at")]

    operations = [migrations.AddIndex("Room", models.Index(fields=["updated_at"], name="room_activity"))]
