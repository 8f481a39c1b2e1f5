"""django-mongodb-backend for documents that other programs write too: what `DATABASES["default"]["ENGINE"]` names.

What differs from django-mongodb-backend:

- All is read from the primary (`base`).
- A query sorts by an index (`compiler`). django-mongodb-backend 5.2 sets each field that a query is ordered by to
  itself (`$addFields`) before it sorts. MongoDB sorts by an index only where `$sort` is the first stage or follows
  nothing but `$match` (manual, "$sort and performance"), so all that matches would be read and sorted in memory. The
  stage changes nothing, so it is left out. Everything else of a query is as django-mongodb-backend compiles it.
- A value of another type than its field's loads as `values` reads it. The old service's documents may hold something
  else where a time, a number, a flag or a text belongs; with django-mongodb-backend no room of a user would load for
  one such field in one of them.
- Unique indexes serve look-ups, and existing indexes are adopted (`schema`).
- A server that is too old is refused with a sentence that names both versions (`server`).
"""
