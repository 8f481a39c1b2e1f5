"""Migrations of moderation."""
