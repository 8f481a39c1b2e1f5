"""Rooms and messages: the chat itself. What it stores, the rules it keeps, the events that clients of it know."""
