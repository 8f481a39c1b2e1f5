"""A client in a namespace: its sockets, the queue of its events, acknowledgements."""
