"""Tests of what is in `deploy/`: proxies in front of real processes, and files that no engine here can run."""
