"""What the commands that speak with Kafka share: client configuration, Avro on the wire, how they report and stop.

Knows no topic and no event. Those are `auctions`' (results in) and `event_relay`'s (events out).
"""
