"""The REST door to moderation, for users: reporting."""
