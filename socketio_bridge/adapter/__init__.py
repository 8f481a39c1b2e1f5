"""Rooms, emission to them, and the other processes: requests, responses, and processes that have no sockets."""
