"""Delivers to one endpoint: in order by key, several keys at a time, each event again and again until it is taken."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections import deque
from typing import NamedTuple

from event_relay.webhooks.attempt import Delivery, Outcome, attempt, client
from event_relay.webhooks.configuration import Endpoint, WebhookSettings
from event_relay.webhooks.gate import Gate, pause_after
from event_relay.webhooks.metrics import DeliveryMetrics
from event_relay.webhooks.signing import secret_key
from workers.report import Report

logger = logging.getLogger(__name__)


class Ended(NamedTuple):
    """How a delivery ended: `given_up` and `gone` say why it was given up, or that the endpoint is no more."""

    number: int
    kind: str
    given_up: str = ""
    gone: str = ""


class Courier:
    """Delivers in a thread with an event loop of its own, which `close` ends.

    Args:
        name: The endpoint's name.
        endpoint: The endpoint.
        report: Gets the failure "delivery".
        metrics: Count the attempts.

    Attributes:
        ended: The deliveries that ended, for another thread to take.
    """

    def __init__(self, name: str, endpoint: Endpoint, report: Report, metrics: DeliveryMetrics) -> None:
        self.ended: queue.SimpleQueue[Ended] = queue.SimpleQueue()
        self._name = name
        self._url = endpoint.url
        self._keys = [secret_key(secret) for secret in endpoint.secrets]
        self._report = report
        self._metrics = metrics
        self._settings = WebhookSettings.current()
        # Here, and not in the thread: what is wrong with the environment's proxy or certificates must end the worker.
        self._http = client(self._settings.WEBHOOK_CONCURRENCY, self._settings.WEBHOOK_TIMEOUT)
        self._gate = Gate(self._settings.WEBHOOK_CONCURRENCY)
        self._waiting: dict[str, deque[tuple[int, Delivery]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=f"webhook {name}", daemon=True)
        self._thread.start()

    def deliver(self, number: int, delivery: Delivery) -> None:
        """Deliver after all others of the same key; from any thread.

        Args:
            number: What `ended` names it by.
            delivery: The delivery.
        """
        self._loop.call_soon_threadsafe(self._accept, number, delivery)

    def close(self) -> None:
        """Cancel what is under way, and end the thread; once."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            for task in self._tasks:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
            self._loop.run_until_complete(self._http.aclose())
            self._loop.close()

    def _accept(self, number: int, delivery: Delivery) -> None:
        of_key = self._waiting.get(delivery.key)
        if of_key is not None:
            of_key.append((number, delivery))
            return
        self._waiting[delivery.key] = deque([(number, delivery)])
        task = self._loop.create_task(self._deliver_all(delivery.key))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver_all(self, key: str) -> None:
        """Deliver what waits for one key, in order, until nothing does."""
        of_key = self._waiting[key]
        while of_key:
            ended = await self._deliver(*of_key[0])
            self.ended.put(ended)
            if ended.gone:
                return  # and nothing else of this key: the session ends
            of_key.popleft()
        del self._waiting[key]

    async def _deliver(self, number: int, delivery: Delivery) -> Ended:
        tried_at, passed_over, failures = time.monotonic(), 0.0, 0
        while True:
            async with self._gate.turn():
                outcome = await self._attempt(delivery)
            if not outcome.reason:
                return Ended(number, delivery.kind)
            if outcome.gone:
                return Ended(number, delivery.kind, gone=outcome.reason)
            patience = self._settings.WEBHOOK_GIVE_UP_AFTER
            passed_over += self._gate.passed_over(tried_at)
            tried_at = time.monotonic()
            if passed_over > patience:
                return Ended(number, delivery.kind, given_up=f"for {patience} s: {outcome.reason}")
            failures += 1
            await asyncio.sleep(pause_after(failures))

    async def _attempt(self, delivery: Delivery) -> Outcome:
        """Make an attempt, and report it. The endpoint is named, not its address, which may have a secret in it."""
        began = time.monotonic()
        outcome = await attempt(self._http, self._url, self._keys, delivery, self._settings.WEBHOOK_TIMEOUT)
        self._metrics.count(self._name, outcome.label, time.monotonic() - began)
        if not outcome.reason:
            self._gate.succeeded()
            if self._report.recovered("delivery"):
                logger.info("webhook %s takes events again", self._name)
            return outcome
        self._gate.failed(began, outcome.retry_after)
        if outcome.gone:  # which pauses the endpoint: there is nothing to try again
            return outcome
        problem = f"{outcome.reason} ({delivery.kind})"
        if self._report.failed("delivery", problem):
            logger.warning(
                "webhook %s does not take %s of %s, which is tried again: %s",
                self._name, delivery.kind, delivery.subject, outcome.reason,
            )  # fmt: skip
        return outcome
