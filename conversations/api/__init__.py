"""The REST door to conversations: requests in, answers and errors out. What may be done, the services decide."""
