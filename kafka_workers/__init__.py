"""What Kafka commands share: client configuration, Avro on the wire, reports of their state, and stopping.

It knows no topic and no event. Those are `auctions`' (results in) and `event_relay`'s (events out).
"""
