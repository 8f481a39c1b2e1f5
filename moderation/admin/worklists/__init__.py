"""Lists that staff work through: rows that show what one decides by, acts on many rows at once, live."""
