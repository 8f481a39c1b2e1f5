"""Lists of any length: keyset pagination, searches that go back in time, and their pages."""
