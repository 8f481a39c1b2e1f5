"""Restrictions of users, and legal holds."""
