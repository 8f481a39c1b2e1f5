"""Auction results: consumed from Kafka, emitted to the sockets that watch an auction."""
