"""The database engine of the embedded MongoDB, SecantusDB 0.7: `persistence.engine`, with queries that it understands.

The settings choose it where the embedded MongoDB is used; MongoDB itself never gets these forms.

- Joined fields (`compiler`): in a `$project`, MongoDB reads `{"user": {"name": 1}}` as "the field `user.name`".
  SecantusDB reads it as "make `user.name` the number 1", so no join of Django's would load: no permission of a group,
  no author of a change. `{"user": {"name": "$user.name"}}` is the same to both.
- Conditions (`conditions`): django-mongodb-backend nests the `$and`s of chained filters. MongoDB sees through them;
  SecantusDB reads the whole collection. So what can stand side by side does.
- Keys of an `$in` (`operations`): SecantusDB compares each document that it finds with the whole list. 100 keys at
  once cost it 19 ms, a range of as many documents 7 ms.
- Ranges of time (`operations`): SecantusDB reads every document of a range to find its first few. In a room of 20,000
  messages, all of it took 700 ms and a day 47 ms.
"""
