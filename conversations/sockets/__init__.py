"""The socket door to conversations: the namespace, sign-in, statuses, limits of events."""
