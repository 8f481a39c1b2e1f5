"""Visitors of examples/socketio_counter, half of them with clients 2.x: they log in, connect, and move the counter.

Locust counts the times of `connect` and of the acknowledgement of `step`, and as `count` each event that others' steps
caused. Replace what the visitor does by what the users of your own project do.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import gevent
from locust import HttpUser, between, task
from locust.exception import RescheduleTask, StopUser

from socketio_client import NotConnected, SocketIOClient

NAMESPACE = os.environ.get("NAMESPACE", "/counter")


class Visitor(HttpUser):
    """A visitor with one socket, by a session that came from the page."""

    abstract = True
    wait_time = between(0.2, 1.0)
    engine = 4

    def on_start(self) -> None:
        """Log in, and connect."""
        self.client.get("/")
        token = self.client.cookies["csrftoken"]
        self.client.post("/enter", {"name": f"load-{uuid4().hex[:12]}", "csrfmiddlewaretoken": token})
        cookies = "; ".join(f"{name}={value}" for name, value in self.client.cookies.items())
        try:
            self.socket = self.timed("connect", self.connect, cookies)
        except NotConnected:
            raise StopUser

    def connect(self, cookies: str) -> SocketIOClient:
        """Connect with the session's cookies."""
        return SocketIOClient(
            self.host, NAMESPACE, engine=self.engine, headers={"Cookie": cookies}, on_event=self.on_event
        )

    def on_stop(self) -> None:
        """Leave."""
        if hasattr(self, "socket"):
            self.socket.close()

    @task
    def step(self) -> None:
        """Move the counter, and wait for the acknowledgement."""
        try:
            self.timed("step", self.socket.call, "step", {"by": 1})
        except (NotConnected, gevent.Timeout):
            raise RescheduleTask

    def on_event(self, name: str, *arguments: Any) -> None:
        """Count an event that came in. It has no time, as nobody here knows when it was caused."""
        self.report("event", name, response_time=None)

    def timed(self, name: str, act: Callable[..., Any], *arguments: Any) -> Any:
        """Do something, and report to Locust how long it took, or why it failed."""
        began = time.perf_counter()
        failure = None
        try:
            return act(*arguments)
        except (NotConnected, gevent.Timeout) as error:
            failure = error
            raise
        finally:
            self.report("socket", name, (time.perf_counter() - began) * 1000, failure)

    def report(self, kind: str, name: str, response_time: float | None, failure: BaseException | None = None) -> None:
        """Tell Locust of one request; the time is in milliseconds."""
        self.environment.events.request.fire(
            request_type=kind,
            name=f"{name} (EIO {self.engine})",
            response_time=response_time,
            response_length=0,
            exception=failure,
            context={},
        )


class OldVisitor(Visitor):
    """A visitor with a client 2.x."""

    engine = 3


class NewVisitor(Visitor):
    """A visitor with a client 3.x or 4.x."""
