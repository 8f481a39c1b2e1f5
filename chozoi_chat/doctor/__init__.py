"""What `manage.py doctor` looks at, a module each: settings, stores, the identity provider, a URL as clients see it."""
