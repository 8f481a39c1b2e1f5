#!/usr/bin/env python
"""Django's command line. `manage.py help` lists the commands; ours: `up`, `serve`, `doctor`, `issue_token` …"""

import os
import sys


def main() -> None:
    """Run the command that is named; say plainly which setting is wrong, or which store that it needs does not run."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chozoi_chat.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from chozoi_chat.unreachable import explained

    try:
        with explained():
            execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        if "--traceback" in sys.argv:
            raise
        sys.exit(str(error))


if __name__ == "__main__":
    main()
