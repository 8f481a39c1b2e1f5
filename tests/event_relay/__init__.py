"""Tests of `event_relay`."""
