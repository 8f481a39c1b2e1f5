"""Unique keys by indexes that their look-ups use."""

from django.db import migrations

from persistence.migration_operations import BuildIndexes


class Migration(migrations.Migration):
    dependencies = [("moderation", "0004_filters_also_without_marks")]

    operations = [BuildIndexes("Report"), BuildIndexes("HeldMessage"), BuildIndexes("MessageFilter")]
