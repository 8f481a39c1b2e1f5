"""Migrations of Django's own apps with ObjectId keys, made with `makemigrations`; the stock ones make integer keys."""
