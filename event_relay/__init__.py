"""Conversation events out: from MongoDB's change streams to Kafka, at least once, none lost."""
