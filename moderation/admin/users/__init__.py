"""The page of a user of the chat."""
