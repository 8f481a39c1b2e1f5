"""The Django app of auction results."""

from django.apps import AppConfig


class AuctionsConfig(AppConfig):
    """The app of auction results. It has no models: the latest results are in Redis."""

    name = "auctions"
    verbose_name = "Auction results"

    def ready(self) -> None:
        """Declare this app's settings."""
        from auctions import configuration as own  # noqa: F401
        from kafka_workers import configuration  # noqa: F401
        from workers import configuration as workers  # noqa: F401
