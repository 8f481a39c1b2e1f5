"""What moderation's templates use."""
