"""Connection state recovery."""
