"""Tests of what CI runs besides the tests."""
