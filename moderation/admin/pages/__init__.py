"""What the pages of the admin have in common with each other: lists without counts, acts, links, pictures."""
