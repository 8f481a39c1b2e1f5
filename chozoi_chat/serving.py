"""How the application is served in production: uvicorn, with the options that a Socket.IO server needs."""

import multiprocessing
from typing import Any

import uvicorn
from django.conf import settings

from chozoi_chat.embedded.tied_to_parent import die_with

GOODBYE = 10  # seconds that open requests and sockets get when the server is told to stop


def serve(host: str, port: int, workers: int) -> None:
    """Serve until SIGINT or SIGTERM. `workers`: processes that share the port.

    Exits the process with 3 where the server cannot start, for one because the port is taken.
    """
    uvicorn.run(
        "chozoi_chat.serving:worker_application",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=settings.SOCKETIO["max_payload"],
        ws_ping_interval=None,  # Engine.IO has a heartbeat of its own, which clients of both protocol generations know
        ws_per_message_deflate=False,  # some 300 KB of memory a socket, for packets too short to shrink
        lifespan="auto",
        log_config=None,  # settings.LOGGING has seen to it
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GOODBYE,
    )


def worker_application() -> Any:
    """The ASGI application for one worker; called in the worker itself."""
    if (parent := multiprocessing.parent_process()) and parent.pid:
        die_with(parent.pid)  # a worker whose uvicorn was killed would keep the port from the next one
    from chozoi_chat.asgi import application

    return application
