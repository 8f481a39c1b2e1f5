"""Connection state recovery: a client that was cut off comes back as the socket that it was."""
