"""The admin as a site: its front page, and its door. Apart from `moderation.admin`, which registers with it."""
