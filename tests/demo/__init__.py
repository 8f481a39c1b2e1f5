"""The demo in a real browser, on a server of its own."""
