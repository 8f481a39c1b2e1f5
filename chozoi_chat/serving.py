"""How the application is served in production: uvicorn, with the options that a Socket.IO server needs."""

import multiprocessing
import os
import resource
import signal
import threading
from multiprocessing.process import BaseProcess
from typing import Any

import uvicorn
from django.conf import settings

from socketio_bridge import Options

GOODBYE = 10  # seconds that open requests and sockets get when the server is told to stop


def serve(host: str, port: int, workers: int) -> None:
    """Serve until SIGINT or SIGTERM. `workers`: processes that share the port.

    Exits the process with 3 where the server cannot start, for one because the port is taken.
    """
    most_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))  # a connection is one; usual is 1,024
    uvicorn.run(
        "chozoi_chat.serving:worker_application",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        loop="uvloop",
        **Options.from_settings().for_uvicorn()
        | {
            "http": "chozoi_chat.http.uvicorn_protocol:BoundedHttpProtocol",
            "ws": "chozoi_chat.http.uvicorn_protocol:BoundedWebSocketProtocol",
        },
        lifespan="auto",
        log_config=None,  # settings.LOGGING has seen to it
        access_log=False,
        server_header=False,
        timeout_keep_alive=settings.KEEP_ALIVE,
        timeout_graceful_shutdown=GOODBYE,
    )


def worker_application() -> Any:
    """The ASGI application for one worker; called in the worker itself."""
    if parent := multiprocessing.parent_process():
        threading.Thread(target=_end_with, args=(parent,), name="end-with-parent", daemon=True).start()
    from chozoi_chat.asgi import application

    return application


def _end_with(parent: BaseProcess) -> None:
    """End this worker when uvicorn's own process is gone; one that was killed leaves the port to its workers."""
    parent.join()
    os.kill(os.getpid(), signal.SIGKILL)
