"""What Kafka commands share: client configuration, Avro on the wire, and what they need of settings.

It knows no topic and no event. Those are `auctions`' (results in) and `event_relay`'s (events out).
"""
