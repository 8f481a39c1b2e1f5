"""Commands of `manage.py` about rooms and messages."""
