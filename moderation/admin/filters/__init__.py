"""Filters of messages, and what they hit."""
