"""Options, read from the settings."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from socketio_bridge import Options


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"ping_intervall": 1}, "unknown field"),
        ({"ping_interval": 0}, "> 0.0 - at"),
        ({"max_payload": "1"}, "Expected `int`, got `str`"),
    ],
)
def test_a_bad_option_is_named(given: dict[str, Any], problem: str) -> None:
    with override_settings(SOCKETIO=given), pytest.raises(ImproperlyConfigured, match=problem):
        Options.from_settings()
