"""What the commands say of settings that Kafka's clients cannot work with, and what else goes to them."""

from __future__ import annotations

import re

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


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "0001-01-01T00:00:00+14:00"])
def test_a_time_that_is_none_is_named(text: str) -> None:
    with pytest.raises(CommandError, match=f"'{re.escape(text)}' is no instant"):
        call_command("relay_events", "--since", text)


def test_results_cannot_be_published_without_a_registry_that_answers(settings: Settings) -> None:
    settings.KAFKA_BOOTSTRAP_SERVERS = "127.0.0.1:1"
    settings.SCHEMA_REGISTRY_URL = "http://127.0.0.1:1"
    with pytest.raises(CommandError, match=r"chozoi\.socket\.auction\.result-value could not be registered"):
        call_command("publish_auction_results")


def test_options_reach_every_client(settings: Settings) -> None:
    settings.KAFKA_OPTIONS = {"security.protocol": "SASL_SSL"}
    assert client_configuration()["security.protocol"] == "SASL_SSL"
