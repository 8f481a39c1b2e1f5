"""Engine.IO 3 and 4 and Socket.IO 4 and 5 without I/O: packets, payloads, attachments, what may come in which state."""
