"""The REST door to conversations: it translates requests, answers and refusals. The rules are in the services."""
