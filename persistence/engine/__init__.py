"""django-mongodb-backend, whose queries the embedded MongoDB understands, and whose sorted ones an index serves.

Joined fields: in a `$project`, MongoDB reads `{"user": {"name": 1}}` as "the field `user.name`"; SecantusDB 0.7 reads
it as "make `user.name` the number 1", and so no join of Django's would load: no permission of a group, no author of a
change. `{"user": {"name": "$user.name"}}` is the same to both.

Sorting: django-mongodb-backend 5.2 sets each field that a query is ordered by to itself (`$addFields`) before it sorts,
and what a pipeline has set cannot come from an index in that order: all that matches would be read and sorted. The
stage changes nothing, so it is left out. What is left of it names each field of a joined document by its path:
MongoDB merges a document that `$addFields` names into the one that is there, SecantusDB puts it in its place.

Conditions: of filters that were chained it makes `$and`s within each other. MongoDB sees through them, SecantusDB reads
the whole collection; so what can stand side by side does. The same goes for the `$or` by which it says that a field is
missing or null: `{"field": None}` says so, too. An end that is included, `$lte` an instant, becomes one that is not,
`$lt` a millisecond later, the finest that MongoDB knows: SecantusDB leaves out what equals the end where an index goes
on after that field.

Values: the old service's documents may hold something else where a time, a number, a flag or a text belongs. It loads
as `values` reads it; with django-mongodb-backend no room of a user would load for one such field in one of them.
"""
