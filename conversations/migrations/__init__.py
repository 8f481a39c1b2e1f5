"""Migrations of rooms and messages; they adopt collections that exist (see persistence/migration_operations.py)."""
