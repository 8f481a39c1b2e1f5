"""Commands of `manage.py` about auction results."""
