"""Migrations of `django.contrib.auth` for MongoDB."""
