"""The admin site: front page, login, live events. `moderation.admin` registers its pages with it."""
