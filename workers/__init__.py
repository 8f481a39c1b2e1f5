"""Worker processes beside the server: their command, their state, and the pages that show it. No Kafka, no event."""
