"""What `manage.py doctor` looks at, a module each: settings, MongoDB, Redis, Kafka, and a URL as clients see it."""
