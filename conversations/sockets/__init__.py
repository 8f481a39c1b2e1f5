"""The socket door: the namespace of conversations, sign-in, statuses, limits of events."""
