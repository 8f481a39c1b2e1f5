"""Tests of where events go."""
