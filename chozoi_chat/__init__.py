"""The Django project: settings, ASGI, URLs, identity, embedded stores, health, and the commands that run it."""
