"""How packets travel: WebSocket and long-polling consumers, sessions, the send queue."""
