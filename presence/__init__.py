"""Who is online, across processes. Knows users, not rooms."""
