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


def serve(host: str, port: int, workers: int) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        host: The address to listen on.
        port: The TCP port to listen on.
        workers: How many processes share the port.

    Raises:
        SystemExit: With 3: the server cannot start, for one because the port is taken.
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
    )


def worker_application() -> Any:
    """Return the ASGI application for one worker. uvicorn calls it in the worker itself, which ends with its parent."""
    if parent := multiprocessing.parent_process():
        threading.Thread(target=_end_with, args=(parent,), name="end-with-parent", daemon=True).start()
    from chozoi_chat.asgi import application, socketio_server

    if settings.METRICS_PORT:
        from chozoi_chat.metrics import with_metrics

        return with_metrics(application, socketio_server)
    return application


def _end_with(parent: BaseProcess) -> None:
    """End this worker when uvicorn's own process is gone; one that was killed leaves the port to its workers."""
    parent.join()
    os.kill(os.getpid(), signal.SIGKILL)
