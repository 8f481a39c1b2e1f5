"""The pages of users have a model, of which nothing is stored."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("moderation", "0010_assignee_by_name")]

    operations = [
        migrations.CreateModel(
            name="Person",
            fields=[("user_id", models.CharField(max_length=255, primary_key=True, serialize=False))],
            options={
                "verbose_name": "user of the chat",
                "verbose_name_plural": "users of the chat",
                "managed": False,
                "default_permissions": (),
            },
        ),
    ]
