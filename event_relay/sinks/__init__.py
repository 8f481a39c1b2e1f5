"""Where events go: to Kafka. `sink.py` says what a relay asks of it."""
