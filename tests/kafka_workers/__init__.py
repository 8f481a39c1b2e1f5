"""Tests of `kafka_workers`."""
