"""The list of rooms, and the page of one."""
