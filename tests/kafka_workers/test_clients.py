"""What the commands say of settings that Kafka's clients cannot work with, and what else goes to them."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django import Settings

from kafka_workers.clients import client_configuration


@pytest.mark.parametrize("command", ["relay_events", "consume_auction_results", "publish_auction_results"])
def test_without_brokers_each_command_says_what_to_set(command: str, settings: Settings) -> None:
    settings.KAFKA_BOOTSTRAP_SERVERS = ""
    with pytest.raises(CommandError, match="KAFKA_BOOTSTRAP_SERVERS is not set"):
        call_command(command)


@pytest.mark.parametrize("command", ["consume_auction_results", "publish_auction_results"])
def test_results_need_a_registry(command: str, settings: Settings) -> None:
    settings.KAFKA_BOOTSTRAP_SERVERS = "127.0.0.1:1"
    settings.SCHEMA_REGISTRY_URL = ""
    with pytest.raises(CommandError, match="SCHEMA_REGISTRY_URL is not set"):
        call_command(command)


def test_an_option_that_librdkafka_does_not_know_is_named(settings: Settings) -> None:
    settings.KAFKA_BOOTSTRAP_SERVERS = "127.0.0.1:1"
    settings.KAFKA_OPTIONS = {"securty.protocol": "SSL"}
    with pytest.raises(CommandError, match=r"KAFKA_OPTIONS.*securty\.protocol"):
        call_command("relay_events")


def test_options_reach_every_client(settings: Settings) -> None:
    settings.KAFKA_OPTIONS = {"security.protocol": "SASL_SSL"}
    assert client_configuration()["security.protocol"] == "SASL_SSL"
