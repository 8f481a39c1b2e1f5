"""The development stack: an embedded MongoDB, Redis and Kafka, and the supervisor of `make run`."""
