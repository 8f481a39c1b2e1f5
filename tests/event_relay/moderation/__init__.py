"""What moderation does, done by its own services, and what a relay process tells other services of it."""
