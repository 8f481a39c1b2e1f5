"""Migrations of `django.contrib.admin` for MongoDB."""
