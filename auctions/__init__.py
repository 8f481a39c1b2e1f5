"""Auction results: from Kafka in, to the sockets that watch an auction out."""
