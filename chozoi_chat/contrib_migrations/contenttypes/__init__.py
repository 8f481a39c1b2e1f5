"""Migrations of `django.contrib.contenttypes` for MongoDB."""
