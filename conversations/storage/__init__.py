"""How messages and rooms are written and read: the group commit, room summaries, repair, the order of histories."""
