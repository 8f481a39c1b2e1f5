"""Rooms and messages as the old service left them, with the indexes that they lacked."""

import django_mongodb_backend.fields
from django.db import migrations, models

import conversations.models
import persistence.fields
from persistence.migration_operations import AdoptModel


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="EmbeddedMessage",
            fields=[
                ("created_at", models.DateTimeField(blank=True, null=True)),
                ("message_id", models.CharField(db_column="_id", max_length=255, primary_key=True, serialize=False)),
                ("room_id", persistence.fields.TextOrDefault(default="", max_length=512)),
                ("sender", persistence.fields.TextOrDefault(db_column="from", default="", max_length=255)),
                ("recipient", persistence.fields.TextOrDefault(db_column="to", default="", max_length=255)),
                (
                    "type",
                    persistence.fields.TextOrDefault(
                        choices=[("TEXT", "Text"), ("IMAGE", "Image"), ("EMOJI", "Emoji")],
                        default="TEXT",
                        max_length=16,
                    ),
                ),
                ("content", persistence.fields.LongTextOrDefault(blank=True, default="")),
                ("is_seen", persistence.fields.FlagOrDefault(default=False)),
                ("client_message_id", models.CharField(blank=True, max_length=255, null=True)),
                ("updated_at", models.DateTimeField(blank=True, null=True)),
                ("document_version", persistence.fields.CountOrDefault(db_column="__v", default=0, editable=False)),
            ],
            options={
                "abstract": False,
            },
        ),
        AdoptModel(
            name="Message",
            fields=[
                ("created_at", models.DateTimeField(blank=True, null=True)),
                ("message_id", models.CharField(db_column="_id", max_length=255, primary_key=True, serialize=False)),
                ("room_id", persistence.fields.TextOrDefault(default="", max_length=512)),
                ("sender", persistence.fields.TextOrDefault(db_column="from", default="", max_length=255)),
                ("recipient", persistence.fields.TextOrDefault(db_column="to", default="", max_length=255)),
                (
                    "type",
                    persistence.fields.TextOrDefault(
                        choices=[("TEXT", "Text"), ("IMAGE", "Image"), ("EMOJI", "Emoji")],
                        default="TEXT",
                        max_length=16,
                    ),
                ),
                ("content", persistence.fields.LongTextOrDefault(blank=True, default="")),
                ("is_seen", persistence.fields.FlagOrDefault(default=False)),
                ("client_message_id", models.CharField(blank=True, max_length=255, null=True)),
                ("updated_at", models.DateTimeField(blank=True, null=True)),
                ("document_version", persistence.fields.CountOrDefault(db_column="__v", default=0, editable=False)),
                ("dedup_key", models.CharField(blank=True, editable=False, max_length=64, null=True)),
            ],
            options={
                "db_table": "cz_messages",
                "indexes": [
                    models.Index(fields=["room_id", "created_at", "message_id"], name="message_history"),
                    models.Index(fields=["room_id", "recipient", "is_seen", "created_at"], name="message_unseen"),
                ],
            },
        ),
        AdoptModel(
            name="Room",
            fields=[
                ("room_id", models.CharField(db_column="_id", max_length=512, primary_key=True, serialize=False)),
                ("type", persistence.fields.TextOrDefault(default="BS", max_length=16)),
                ("creator", persistence.fields.TextOrDefault(blank=True, default="", max_length=255)),
                ("buyer", persistence.fields.TextOrDefault(default="", max_length=255)),
                ("seller", persistence.fields.TextOrDefault(default="", max_length=255)),
                ("shop_id", persistence.fields.TextOrDefault(blank=True, default="", max_length=255)),
                ("shop", persistence.fields.ObjectField(blank=True, default=dict)),
                ("buyer_info", persistence.fields.ObjectField(blank=True, default=dict)),
                (
                    "buyer_last_message",
                    django_mongodb_backend.fields.EmbeddedModelField(
                        blank=True, embedded_model=conversations.models.EmbeddedMessage, null=True
                    ),
                ),
                (
                    "seller_last_message",
                    django_mongodb_backend.fields.EmbeddedModelField(
                        blank=True, embedded_model=conversations.models.EmbeddedMessage, null=True
                    ),
                ),
                ("pinned_by_buyer", models.DateTimeField(blank=True, null=True)),
                ("pinned_by_seller", models.DateTimeField(blank=True, null=True)),
                ("buyer_unseen_messages", persistence.fields.CountOrDefault(default=0)),
                ("seller_unseen_messages", persistence.fields.CountOrDefault(default=0)),
                ("deleted_by_buyer", persistence.fields.FlagOrDefault(default=False)),
                ("deleted_by_seller", persistence.fields.FlagOrDefault(default=False)),
                ("buyer_deleted_at", models.DateTimeField(blank=True, null=True)),
                ("seller_deleted_at", models.DateTimeField(blank=True, null=True)),
                (
                    "blocked_by",
                    models.CharField(
                        blank=True, choices=[("BUYER", "Buyer"), ("SELLER", "Seller")], max_length=16, null=True
                    ),
                ),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(blank=True, null=True)),
                ("updated_at", models.DateTimeField(blank=True, null=True)),
                ("document_version", persistence.fields.CountOrDefault(db_column="__v", default=0, editable=False)),
            ],
            options={
                "db_table": "cz_rooms",
                "indexes": [
                    models.Index(fields=["buyer"], name="room_buyer"),
                    models.Index(fields=["seller"], name="room_seller"),
                ],
            },
        ),
    ]
