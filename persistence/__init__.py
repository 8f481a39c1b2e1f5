"""MongoDB and Redis without chat: what conversations, presence, moderation and identity share.

    found = await in_store_thread(durable(Room).find_one, {"_id": "7.9"})

`mongodb` and `redis_client` are the ways to the stores, `configuration` and `database` say where they are. Of MongoDB,
`availability` says when it is away, `write_proof` whether it takes writes, `store_clock` what time it has. `batching`,
`keyset`, `rate_limits` and `per_event_loop` are the one mechanism for each; `fields` and `timestamps` read documents of
other programs; `engine` is the database engine, `migration_operations` its migrations.
"""

import django_stubs_ext

# Lets a field be written as CharField[str, str] at run time too. Here, because every app with models imports this.
django_stubs_ext.monkeypatch()
