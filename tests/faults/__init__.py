"""Parts of the system go away or are overrun: what users, staff and operators notice of it. docs/reliability.md."""
