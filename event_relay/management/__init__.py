"""Commands of `manage.py` about conversation events."""
