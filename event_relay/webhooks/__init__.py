"""Conversation events to HTTPS endpoints: signed, tried again, in order by room, at least once. docs/webhooks.md."""
