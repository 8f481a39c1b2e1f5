"""The queue of reports, and the page of one."""
