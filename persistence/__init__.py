"""MongoDB and Redis without chat: what conversations, presence and moderation share."""
