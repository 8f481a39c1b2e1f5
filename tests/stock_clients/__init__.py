"""Stock socket.io-clients of all generations against the bridge alone: an application that knows nothing of chat."""
