"""One format for every log line, of structlog, the standard library, Django and uvicorn.

On a terminal and with DEBUG lines are for people; everywhere else a line is one JSON object. It has the ids of the
request or the socket that it is about (`chozoi_chat.log_ids`), and nothing secret. Of lines that repeat some stand for
the rest (`chozoi_chat.log_repeats`).
"""

import logging
import logging.config
import re
import sys
from collections.abc import Callable
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from chozoi_chat.log_repeats import Repeats


def _no_ids() -> dict[str, str]:
    return {}


_ids_now = [_no_ids]


def identify_by(ids_now: Callable[[], dict[str, str]]) -> None:
    """Have each line get the ids that a function gives when the line is logged."""
    _ids_now[0] = ids_now


def _with_ids(logger: object, method: str, event: EventDict) -> EventDict:
    return {**_ids_now[0](), **event}


SHARED: list[Processor] = [
    _with_ids,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
NOT_IN_DETAIL = ("uvicorn", "websockets", "httpcore", "django.db.backends")
"""Loggers whose DEBUG lines are requests, frames and queries: these have tokens in them, and what people write."""
_SECRET = re.compile(
    r"\b((?:\w*token|sid|sessionid|password|client_secret)=)[^&\s\"',;\\]+"
    r"|\b(bearer )[\w.~+/=-]{8,}|\b()eyJ[\w-]+\.[\w.-]+",
    re.IGNORECASE,
)
"""In a query, a form or a cookie; in a header; and a JWT wherever it stands."""
UVICORNS_COLOURS = "color_message"  # the same message once more, with escape sequences in it


class WithoutConnections(logging.Filter):
    """Drops the line that uvicorn logs for each WebSocket: it has the query in it, and with that the token."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record may be logged."""
        message = str(record.msg)
        return not (message.startswith(("connection open", "connection closed")) or '"WebSocket %s"' in message)


def logging_config(level: str, *, debug: bool) -> dict[str, Any]:
    """Return the dictionary for `logging.config.dictConfig`. All lines go to stderr.

    Args:
        level: The lowest level that is logged, such as "INFO". Loggers of NOT_IN_DETAIL log no DEBUG lines.
        debug: Whether lines are for people although stderr is no terminal.
    """
    for_people = debug or sys.stderr.isatty()
    # Tracebacks without the values of variables: among these are tokens and what people write to each other.
    renderer: list[Processor] = (
        [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)]
        if for_people
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structlog": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": [*SHARED, structlog.stdlib.ExtraAdder()],
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    _without_colours,
                    *renderer,
                    _without_secrets,
                ],
            }
        },
        "filters": {"without_connections": {"()": WithoutConnections}, "repeats": {"()": Repeats}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structlog", "filters": ["repeats"]}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Each would otherwise bring handlers of its own, or print a line a request.
            "django": {"handlers": [], "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            "uvicorn.error": {"handlers": [], "propagate": True, "filters": ["without_connections"]},
            "uvicorn.access": {"handlers": [], "propagate": False},
            "httpx": {"level": "WARNING"},
            "httpx2": {"level": "WARNING"},
            "pymongo": {"level": "WARNING"},
            **{name: {"handlers": [], "propagate": True, "level": _at_least_info(level)} for name in NOT_IN_DETAIL},
        },
    }


def _at_least_info(level: str) -> str:
    return "INFO" if level == "DEBUG" else level


def _without_secrets(logger: object, method: str, line: Any) -> Any:
    return _SECRET.sub(lambda match: f"{match[1] or match[2] or ''}…", line)


def _without_colours(logger: object, method: str, event: EventDict) -> EventDict:
    event.pop(UVICORNS_COLOURS, None)
    return event


def configure(config: dict[str, Any]) -> None:
    """Set up the standard library's logging and structlog. Django calls it: `settings.LOGGING_CONFIG` names it.

    Args:
        config: What `logging_config` returned.
    """
    logging.config.dictConfig(config)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
