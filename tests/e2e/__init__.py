"""Real clients against real server processes, with real stores: what the contract promises, seen from outside."""
