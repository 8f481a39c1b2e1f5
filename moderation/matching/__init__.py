"""Matching texts with filters. Knows texts and filters, no store and no user; bounded in time and memory."""
