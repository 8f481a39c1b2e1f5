"""System checks: the demo runs on a development machine, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register

from demo.safety import dangers


@register()
def check_demo(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that nobody but the demo's own people can be spoken for. It is asked only where DEMO is on."""
    return [Error(why, hint=hint, id="demo.E001") for why, hint in dangers()]
