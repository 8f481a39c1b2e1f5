"""Which features are off because a setting that they need is unset."""

from django.conf import settings

FEATURES = {
    "shop details in rooms": ["SHOP_SERVICE"],
    "winners' names in auction results": ["ACCOUNT_SERVICE"],
    "auction results from Kafka": ["KAFKA_BOOTSTRAP_SERVERS", "SCHEMA_REGISTRY_URL"],
    "conversation events to Kafka": ["KAFKA_BOOTSTRAP_SERVERS"],
}


def switched_off() -> dict[str, list[str]]:
    """Return each feature that is off, with the settings that would switch it on."""
    missing = {feature: [name for name in names if not getattr(settings, name)] for feature, names in FEATURES.items()}
    return {feature: names for feature, names in missing.items() if names}
