"""The rules in force now, in the memory of each process."""
