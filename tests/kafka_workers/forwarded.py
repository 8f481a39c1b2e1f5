"""A port behind which something comes to be while a test goes on."""

from __future__ import annotations

import socket
import threading


class forwarded:
    """A TCP port that leads to another, from when it is entered on."""

    def __init__(self, port: int, to: int) -> None:
        self._to = to
        self._server = socket.create_server(("127.0.0.1", port))

    def __enter__(self) -> None:
        threading.Thread(target=self._accept, daemon=True).start()

    def __exit__(self, *error: object) -> None:
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._to))
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass
