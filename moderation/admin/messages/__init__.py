"""The list of messages, and those that wait for a decision."""
