"""A webhook as a sink, before a receiver that fails, hangs, forgets, is slow, and comes back."""

from __future__ import annotations

import datetime
import logging
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from pytest_django import Settings

from event_relay.event import Event
from event_relay.position import Position
from event_relay.sinks.sink import DestinationGone
from event_relay.webhooks import gate
from event_relay.webhooks.configuration import Endpoint
from event_relay.webhooks.metrics import DeliveryMetrics
from event_relay.webhooks.sink import MAX_IN_FLIGHT, WebhookSink
from persistence.timestamps import UTC
from tests.event_relay.webhooks.receiver import DROP, HANG, SECRET, Receiver, receiving
from tests.eventually import eventually_sync
from workers.report import WorkerReport

AT = datetime.datetime(2026, 11, 22, 8, tzinfo=UTC)
OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """Pauses and time-outs of parts of a second, so that a test sees many."""
    monkeypatch.setattr(gate, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(gate, "LONGEST_PAUSE", 0.1)
    settings.WEBHOOK_TIMEOUT = 1


@pytest.fixture
def report() -> WorkerReport:
    return WorkerReport("webhooks", "events")


@pytest.fixture
def metrics() -> CollectorRegistry:
    return CollectorRegistry()


Open = Callable[..., WebhookSink]


@pytest.fixture
def sink(receiver: Receiver, report: WorkerReport, metrics: CollectorRegistry) -> Iterator[Open]:
    """Opens sinks to the receiver."""
    opened: list[WebhookSink] = []
    counting = DeliveryMetrics(metrics)

    def open_sink(
        url: str = receiver.url, secrets: tuple[str, ...] = (SECRET,), types: tuple[str, ...] = ()
    ) -> WebhookSink:
        opened.append(WebhookSink("push", Endpoint(url, secrets, types), report, counting))
        return opened[-1]

    yield open_sink
    for each in opened:
        each.close(0)


def event(number: int, room: str = "7.501") -> Event:
    data = {"content": str(number)}
    return Event("message.created", room, f"m{room}-{number}", "", AT, record="Message", data=data)


def position(number: int) -> Position:
    return Position({"_data": str(number)}, AT + datetime.timedelta(seconds=number))


def settle(sink: WebhookSink) -> Position | None:
    """Wait until nothing is in flight; the position then."""
    last = None

    def settled() -> bool:
        nonlocal last
        sink.poll(0.05)
        last = sink.acknowledged() or last
        return sink.in_flight == 0

    eventually_sync(settled, "everything arrives")
    return last


def test_a_delivery_is_a_cloudevent_that_stock_libraries_verify(sink: Open, receiver: Receiver) -> None:
    """`Receiver` verifies with the package standardwebhooks."""
    to = sink()
    to.publish([event(1)], position(1))
    assert settle(to) == position(1)
    [headers], [taken] = receiver.headers, receiver.taken
    assert headers["webhook-id"] == taken["id"] == event(1).id
    assert headers["Content-Type"].startswith("application/cloudevents+json")
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    assert (taken["type"], taken["partitionkey"], taken["data"]) == ("message.created", "7.501", {"content": "1"})


def test_a_secret_can_be_replaced_while_both_sign(sink: Open, receiver: Receiver) -> None:
    to = sink(secrets=(OTHER_SECRET, SECRET))
    to.publish([event(1)], position(1))
    settle(to)
    assert len(receiver.headers[0]["webhook-signature"].split()) == 2


def test_an_endpoint_gets_the_types_that_it_wants(sink: Open, receiver: Receiver) -> None:
    to = sink(types=("messages.seen",))
    to.publish([event(1)], position(1))
    assert settle(to) == position(1)
    assert receiver.came == []


class TestOrder:
    def test_rooms_are_in_order_each_and_do_not_wait_for_each_other(self, sink: Open, receiver: Receiver) -> None:
        failing = dict.fromkeys(["a 0", "a 3", "b 1"], 2)

        def answer(event: dict[str, object]) -> int:
            name = f"{event['partitionkey']} {event['data']['content']}"  # type: ignore[index]
            failing[name] = failing.get(name, 0) - 1
            time.sleep(0.002)
            return 500 if failing[name] >= 0 else 200

        receiver.answer = answer
        to = sink()
        for number in range(10):
            to.publish([event(number, room) for room in "abcd"], position(number))
        assert settle(to) == position(9)
        for room in "abcd":
            assert receiver.contents(room) == [str(number) for number in range(10)]
        assert receiver.most_at_once > 1

    def test_so_many_are_delivered_at_a_time(self, sink: Open, receiver: Receiver, settings: Settings) -> None:
        settings.WEBHOOK_CONCURRENCY = 3

        def slow(event: object) -> int:
            time.sleep(0.02)
            return 200

        receiver.answer = slow
        to = sink()
        to.publish([event(1, f"room {number}") for number in range(20)], position(1))
        settle(to)
        assert receiver.most_at_once == 3

    def test_it_is_full_when_so_many_are_in_flight(self, sink: Open, receiver: Receiver) -> None:
        receiver.answer = lambda event: HANG
        to = sink()
        to.publish(map(event, range(MAX_IN_FLIGHT - 1)), position(1))
        assert not to.full()
        to.publish([event(-1)], position(2))
        assert to.full()


def test_what_was_taken_just_before_the_end_is_not_sent_again(sink: Open, receiver: Receiver) -> None:
    to = sink()
    to.publish([event(1)], position(1))
    eventually_sync(lambda: receiver.taken, "it is taken")
    time.sleep(0.1)  # for the answer to arrive; nobody has looked since
    to.close(0)
    assert to.acknowledged() == position(1)


class TestFailures:
    @pytest.mark.parametrize("failure", [500, 429, 404, 302, DROP, HANG])
    def test_it_is_tried_again_until_it_is_taken(
        self, sink: Open, receiver: Receiver, report: WorkerReport, failure: int | str
    ) -> None:
        answers = iter([failure] if failure == HANG else [failure] * 3)
        receiver.answer = lambda event: next(answers, 200)
        to = sink()
        to.publish([event(1)], position(1))
        eventually_sync(lambda: "delivery" in report.summary()["problems"], "the failure is told")
        assert to.acknowledged() is None
        assert settle(to) == position(1)
        assert {each["id"] for each in receiver.came} == {event(1).id}
        assert report.summary()["problems"] == {}

    def test_a_redirect_is_not_followed(self, sink: Open, receiver: Receiver) -> None:
        with receiving() as elsewhere:
            receiver.answer_headers = {"Location": elsewhere.url}
            receiver.answer = lambda event: 307
            to = sink()
            to.publish([event(1)], position(1))
            eventually_sync(lambda: len(receiver.came) > 2, "it is tried again")
            assert elsewhere.came == []

    def test_who_was_away_and_comes_back_gets_everything_in_order(
        self, receiver: Receiver, sink: Open, report: WorkerReport
    ) -> None:
        with receiving() as gone:
            pass
        to = sink(url=gone.url)
        for number in range(20):
            to.publish([event(number)], position(number))
        eventually_sync(lambda: "delivery" in report.summary()["problems"], "the outage is told")
        with receiving(port=int(gone.url.split(":")[2].split("/")[0])) as back:
            assert settle(to) == position(19)
            assert back.contents("7.501") == [str(number) for number in range(20)]

    def test_one_tries_while_nobody_gets_through(self, sink: Open, receiver: Receiver) -> None:
        """An endpoint that comes back is not met by all that waits, and one that is away hears little."""
        receiver.answer = lambda event: 503
        to = sink()
        to.publish([event(1, f"room {number}") for number in range(30)], position(1))
        eventually_sync(lambda: len(receiver.came) >= 16, "the first attempts have failed")
        time.sleep(0.2)
        receiver.most_at_once = 0
        before = len(receiver.came)
        time.sleep(0.5)
        assert receiver.most_at_once == 1
        assert 2 <= len(receiver.came) - before <= 12

    def test_retry_after_is_obeyed(self, sink: Open, receiver: Receiver) -> None:
        receiver.answer_headers = {"Retry-After": "1"}
        times: list[float] = []

        def answer(event: object) -> int:
            times.append(time.monotonic())
            return 429 if len(times) == 1 else 200

        receiver.answer = answer
        to = sink()
        to.publish([event(1)], position(1))
        settle(to)
        assert times[1] - times[0] >= 0.95

    def test_what_it_never_takes_is_given_up_while_it_takes_others(
        self, sink: Open, receiver: Receiver, report: WorkerReport, settings: Settings, caplog: pytest.LogCaptureFixture
    ) -> None:
        settings.WEBHOOK_GIVE_UP_AFTER = 0
        receiver.answer = lambda event: 422 if event["data"]["content"] == "1" else 200
        to = sink()
        to.publish([event(1)], position(1))
        to.publish([event(2)], position(2))
        to.publish([event(3, "another room")], position(3))
        assert settle(to) == position(3)
        assert receiver.contents("7.501") == ["2"]
        assert report.summary()["dead_letters"] == 1
        [line] = [record for record in caplog.records if "is not told of message.created of m7.501-1" in record.message]
        assert not line.__dict__["sampled"], "nothing else says what was given up"

    def test_what_failed_in_an_outage_is_not_given_up_when_it_fails_once_more_at_its_end(
        self, sink: Open, receiver: Receiver, report: WorkerReport, settings: Settings
    ) -> None:
        settings.WEBHOOK_GIVE_UP_AFTER = 1
        back_at = time.monotonic() + 1.5
        tries: list[object] = []

        def answer(event: object) -> int:
            if time.monotonic() < back_at:
                return 500
            tries.append(event)
            return 503 if len(tries) % 2 == 0 else 200

        receiver.answer = answer
        to = sink()
        to.publish([event(1, f"room {number}") for number in range(6)], position(1))
        assert settle(to) == position(1)
        assert len(tries) > 6
        assert len(receiver.taken) == 6
        assert report.summary()["dead_letters"] == 0

    @pytest.mark.parametrize("retry_after", ["9" * 400, "Mon, 20 Nov 1995 19:12:08 +99999999999999999", "soon"])
    def test_a_retry_after_that_makes_no_sense_does_not_count(
        self, sink: Open, receiver: Receiver, retry_after: str
    ) -> None:
        receiver.answer_headers = {"Retry-After": retry_after}
        answers = iter([503])
        receiver.answer = lambda event: next(answers, 200)
        to = sink()
        to.publish([event(1), event(2)], position(1))
        assert settle(to) == position(1)

    def test_nothing_is_given_up_while_it_takes_nothing(
        self, sink: Open, receiver: Receiver, report: WorkerReport, settings: Settings
    ) -> None:
        settings.WEBHOOK_GIVE_UP_AFTER = 0
        receiver.answer = lambda event: 500
        to = sink()
        to.publish([event(1), event(2, "another room")], position(1))
        eventually_sync(lambda: len(receiver.came) > 10, "it is tried again and again")
        to.poll()
        assert to.in_flight == 2

    def test_who_is_gone_for_good_is_told_no_more(self, sink: Open, receiver: Receiver) -> None:
        receiver.answer = lambda event: 410
        to = sink()
        to.publish([event(1), event(2)], position(1))

        def poll() -> bool:
            try:
                to.poll(0.05)
            except DestinationGone:
                return True
            return False

        eventually_sync(poll, "it says so")
        assert len(receiver.came) == 1
        assert to.acknowledged() is None


@contextmanager
def echoing() -> Iterator[str]:
    """A server that sends back what it gets, which is no answer in HTTP; its URL."""

    class Echo(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(self.request.recv(65_536))

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/chat?key=not-for-logs"
        server.shutdown()


def test_no_cookie_is_kept(sink: Open, receiver: Receiver) -> None:
    receiver.answer_headers = {"Set-Cookie": "session=1; Path=/"}
    to = sink()
    to.publish([event(1), event(2)], position(1))
    settle(to)
    assert len(receiver.headers) == 2
    assert all("cookie" not in map(str.lower, headers) for headers in receiver.headers)


def test_certificates_that_are_not_there_end_the_worker(sink: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the thread that delivers nobody would hear of it, and nothing would be delivered."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/authorities.pem")
    with pytest.raises(OSError):
        sink()


class TestSeeing:
    def test_attempts_are_counted_by_what_came_of_them(
        self, sink: Open, receiver: Receiver, metrics: CollectorRegistry
    ) -> None:
        answers: Iterator[int | str] = iter([500, DROP, 204])
        receiver.answer = lambda event: next(answers)
        to = sink()
        to.publish([event(1)], position(1))
        settle(to)
        page = generate_latest(metrics).decode()
        for outcome in ("500", "unreachable", "204"):
            assert f'webhooks_attempts_total{{endpoint="push",outcome="{outcome}"}} 1.0' in page
        assert 'webhooks_attempt_seconds_count{endpoint="push"} 3.0' in page

    def test_logs_have_no_secret_and_no_content(
        self, sink: Open, receiver: Receiver, report: WorkerReport, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        answers: Iterator[int | str] = iter([500, 302, DROP, HANG, 200])
        receiver.answer = lambda event: next(answers)
        to = sink()
        private = Event("message.created", "r", "m", "", AT, record="Message", data={"content": "for you alone"})
        to.publish([private], position(1))
        settle(to)
        said = caplog.text + repr(report.summary()) + repr(Endpoint(receiver.url, (SECRET,)))
        assert "webhook push" in said
        for secret in (SECRET, SECRET.removeprefix("whsec_"), "not-for-logs", "for you alone"):
            assert secret not in said

    def test_what_answers_no_http_does_not_come_into_the_log(
        self, sink: Open, report: WorkerReport, caplog: pytest.LogCaptureFixture
    ) -> None:
        with echoing() as url:
            to = sink(url=url)
            to.publish([event(1)], position(1))
            eventually_sync(lambda: "delivery" in report.summary()["problems"], "the failure is told")
        said = caplog.text + repr(report.summary())
        assert "RemoteProtocolError" in said
        assert "not-for-logs" not in said

    def test_what_cannot_be_encoded_is_set_aside_and_the_flow_goes_on(
        self, sink: Open, receiver: Receiver, report: WorkerReport
    ) -> None:
        to = sink()
        odd = Event("message.created", "r", "odd", "", AT, record="Message", data={"content": "\ud800"})
        to.publish([odd], None)
        to.publish([event(1)], position(1))
        assert settle(to) == position(1)
        assert report.summary()["dead_letters"] == 1
