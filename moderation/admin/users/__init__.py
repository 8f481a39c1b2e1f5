"""The page of a user of the chat, and the acts on it."""
