"""HTTP long-polling and the change to a WebSocket, request by request. Sections are those of Engine.IO protocol 4."""
