"""Moderation: what support staff do about what people write. Reports, restrictions, filters, redaction, audit."""
