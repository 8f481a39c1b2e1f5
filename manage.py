#!/usr/bin/env python
"""Django's command line. `manage.py help` lists the commands; ours: `up`, `serve`, `issue_token`, `seed_demo`."""

import os
import sys


def main() -> None:
    """Run the command named on the command line, and say plainly when a store that it needs is not running."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chozoi_chat.settings")
    from django.core.management import execute_from_command_line

    from chozoi_chat.unreachable import explained

    with explained():
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
