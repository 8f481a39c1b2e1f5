"""The same form as in moderation's templates: 22 Nov 2026, 19:05."""

DATE_FORMAT = "j M Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "j M Y, H:i"
