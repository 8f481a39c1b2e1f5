"""Tests of `auctions`."""
