"""`manage.py doctor`: looks at settings, stores and a URL, and says what to mend."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand

from chozoi_chat.doctor import configuration, identity, kafka, mongodb, redis
from chozoi_chat.doctor.finding import Finding, Level, Look
from chozoi_chat.doctor.front_door import FrontDoor


class Command(BaseCommand):
    help = (
        "Look at the settings, MongoDB, Redis and Kafka, and with --url at the deployment as clients see it. Ends with "
        "1 where something does not work, and with --strict where something will not in some case, too."
    )
    requires_system_checks: list[str] = []  # they are among what it looks at

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", help="where clients reach the servers, like https://chat.example.com")
        parser.add_argument(
            "--ca", default="", help="a file of certificates to trust besides, for a URL of your own CA"
        )
        parser.add_argument("--strict", action="store_true", help="end with 1 for warnings, too")
        parser.add_argument("--json", action="store_true", help="print the findings as JSON, for programs")

    def handle(self, *, url: str | None, ca: str, strict: bool, **options: Any) -> None:
        looks: dict[str, Look] = {
            "Settings": configuration.look,
            "MongoDB": mongodb.look,
            "Redis": redis.look,
            "Kafka": kafka.look,
            "Identity": identity.look,
        }
        if url:
            looks[url] = FrontDoor(url, ca).look
        found = {}
        for subject, look in looks.items():
            found[subject] = list(self._said(subject, look) if not options["json"] else look())
        if options["json"]:
            as_json = {subject: [finding.as_json() for finding in findings] for subject, findings in found.items()}
            self.stdout.write(json.dumps(as_json, indent=2))
        worst = max(finding.level for findings in found.values() for finding in findings)
        if worst >= (Level.WARNING if strict else Level.ERROR):
            sys.exit(1)

    def _said(self, subject: str, look: Look) -> Iterator[Finding]:
        """Print findings as they come: some take seconds."""
        self.stdout.write(self.style.MIGRATE_HEADING(subject))
        styles = {Level.WARNING: self.style.WARNING, Level.ERROR: self.style.ERROR}
        for finding in look():
            styled = styles.get(finding.level, str)
            self.stdout.write(f"  {styled(finding.level.name.lower().ljust(7))}  {finding.what}")
            for line in finding.mend.splitlines():
                self.stdout.write(f"           {line}")
            yield finding
