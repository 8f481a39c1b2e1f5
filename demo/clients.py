"""The stock builds of socket.io-client that the page offers, one a generation, as npm has them.

Those of 2.x and 3.x lie in this app's static files with their licences; that of 4.x is the bridge's own.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from django.templatetags.static import static

from socketio_bridge.transports.client_files import CLIENT_VERSION


@dataclass(frozen=True, slots=True)
class Build:
    """A build of socket.io-client.

    Attributes:
        generation: The first number of its version.
        version: Its version on npm.
        file: Where it lies among the static files.
        revision: The Engine.IO protocol that it speaks.
    """

    generation: str
    version: str
    file: str
    revision: int


BUILDS = (
    Build("4", CLIENT_VERSION, "socketio_bridge/socket.io.min.js", 4),
    Build("3", "3.1.3", "demo/clients/socket.io-3.1.3.min.js", 4),
    Build("2", "2.3.1", "demo/clients/socket.io-2.3.1.js", 3),
)


def described() -> list[dict[str, object]]:
    """Return the builds for the page's script, with their addresses."""
    return [{**asdict(build), "url": static(build.file)} for build in BUILDS]
