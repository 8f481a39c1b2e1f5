"""The servers that ours is measured against, each with the same handlers."""
