"""Migrations of rooms and messages; they adopt collections that exist (see conversations/adoption.py)."""
