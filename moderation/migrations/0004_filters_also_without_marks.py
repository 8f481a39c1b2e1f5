"""Word filters find a phrase without its marks, too; those that exist do from now on."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """A field of filters."""

    dependencies = [("moderation", "0003_indexes_of_lists")]

    operations = [
        migrations.AddField(
            model_name="messagefilter",
            name="also_without_marks",
            field=models.BooleanField(
                default=True,
                help_text="Of words: “lừa đảo” is found as “lua dao” and “lưa đao”, too, but not as “lửa đào”.",
            ),
        ),
    ]
