"""django-mongodb-backend, asking for joined fields in a way that the embedded MongoDB understands, too.

In a `$project`, MongoDB reads `{"user": {"name": 1}}` as "the field `user.name`"; SecantusDB 0.7 reads it as "make
`user.name` the number 1", and so no join of Django's would load: no permission of a group, no author of a change.
`{"user": {"name": "$user.name"}}` is the same to both.
"""
