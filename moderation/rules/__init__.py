"""What moderation forbids at this time, in the memory of each process."""
