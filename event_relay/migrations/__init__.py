"""Migrations of the event relay."""
