"""HTTP long-polling: how a session is opened, how packets travel, and pages of other origins."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator

import pytest

from socketio_bridge import Options, SocketIOServer, emit
from socketio_bridge.adapter.adapter import current_adapter
from socketio_bridge.transports.session_registry import registry_of
from tests.eventually import eventually

from .browser import Browser, Chat


class TestOpening:
    async def test_the_first_get_opens_a_session_and_names_the_upgrade(self, server: SocketIOServer) -> None:
        answer = await Browser(server).request("GET")
        handshake = json.loads(answer.body[1:])
        assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; charset=UTF-8")
        assert handshake["upgrades"] == ["websocket"]
        assert set(handshake) == {"sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"}

    async def test_a_protocol_3_client_is_in_the_default_namespace_at_once(self, server: SocketIOServer) -> None:
        body = (await Browser(server, eio=3).request("GET")).body
        length, _, rest = body.partition(":")
        assert rest[int(length) :] == "2:40"

    async def test_a_cookie_is_set_where_one_is_named(self, chat: Chat) -> None:
        server = SocketIOServer([chat], options=Options(cookie="io"))
        answer = await Browser(server).request("GET")
        sid = json.loads(answer.body[1:])["sid"]
        assert answer.headers["set-cookie"] == f"io={sid}; Path=/; HttpOnly; SameSite=Lax"

    @pytest.mark.parametrize(
        ("method", "query", "status", "body"),
        [
            ("GET", {"transport": "pigeon"}, 400, '{"code":0,"message":"Transport unknown"}'),
            ("GET", {"transport": "__proto__"}, 400, '{"code":0,"message":"Transport unknown"}'),
            ("GET", {"transport": ""}, 400, '{"code":0,"message":"Transport unknown"}'),
            ("GET", {"sid": "nobody"}, 400, '{"code":1,"message":"Session ID unknown"}'),
            ("POST", {"sid": "nobody"}, 400, '{"code":1,"message":"Session ID unknown"}'),
            ("POST", {}, 400, '{"code":2,"message":"Bad handshake method"}'),
            ("PUT", {}, 400, '{"code":2,"message":"Bad handshake method"}'),
            ("GET", {"transport": "websocket"}, 400, '{"code":3,"message":"Bad request"}'),
            ("GET", {"EIO": "5"}, 400, '{"code":5,"message":"Unsupported protocol version"}'),
        ],
    )
    async def test_bad_requests_get_the_reference_servers_errors(
        self, server: SocketIOServer, method: str, query: dict[str, str], status: int, body: str
    ) -> None:
        answer = await Browser(server).request(method, query=query)
        assert (answer.status, answer.body) == (status, body)

    async def test_a_transport_that_is_switched_off_is_unknown(self, chat: Chat) -> None:
        server = SocketIOServer([chat], options=Options(transports=("websocket",)))
        assert (await Browser(server).request("GET")).body == '{"code":0,"message":"Transport unknown"}'


class TestPackets:
    """Section "HTTP long-polling"."""

    async def test_packets_go_by_post_and_come_by_get(self, browser: Browser) -> None:
        await browser.join()
        answer = await browser.post('42/chat,1["echo","a"]\x1e42/chat,2["echo","b"]')
        assert (answer.status, answer.body) == (200, "ok")
        assert await browser.get() == '43/chat,1["a"]\x1e43/chat,2["b"]'

    async def test_a_body_may_come_in_pieces(self, browser: Browser) -> None:
        await browser.join()
        request = browser.begin("POST", {})
        for piece in (b"""42/chat,1["ec""", b'''ho","''', "漢".encode()[:1]):
            await request.send_input({"type": "http.request", "body": piece, "more_body": True})
        await request.send_input({"type": "http.request", "body": "漢".encode()[1:] + b'"]'})
        assert (await browser.answer(request)).body == "ok"
        assert await browser.get() == '43/chat,1["漢"]'

    async def test_a_get_waits_for_the_next_packet(self, browser: Browser) -> None:
        await browser.join()
        polling = await browser.begin_get()
        await emit("news", 1, to="all", namespace="/chat")
        assert await polling == '42/chat,["news",1]'

    async def test_protocol_3_counts_characters(self, server: SocketIOServer) -> None:
        browser = Browser(server, eio=3)
        await browser.open()
        await browser.post("8:40/chat,")
        await browser.get()
        await browser.post('23:42/chat,1["echo","é😀"]')
        assert await browser.get() == '16:43/chat,1["é😀"]'

    async def test_jsonp_of_protocol_3(self, server: SocketIOServer) -> None:
        browser = Browser(server, eio=3, j="7")
        answer = await browser.request("GET")
        assert answer.headers["content-type"] == "text/javascript; charset=UTF-8"
        assert answer.body.startswith("___eio[7](")
        text = json.loads(answer.body.removeprefix("___eio[7](").removesuffix(");"))
        browser.query["sid"] = json.loads(text[text.index("{") : text.index("}") + 1])["sid"]
        assert (await browser.request("POST", b"d=8:40%2Fchat%2C")).body == "ok"
        assert "40/chat," in await browser.get()

    async def test_a_jsonp_index_that_is_code_is_refused(self, server: SocketIOServer) -> None:
        assert (await Browser(server, eio=3, j="alert(1)").request("GET")).status == 400

    @pytest.mark.parametrize("body", ["", "abc", "4", "\x1e", '42/elsewhere,["x"]', "2"])
    async def test_a_payload_that_breaks_the_protocol_ends_the_session(
        self, browser: Browser, chat: Chat, body: str
    ) -> None:
        await browser.join()
        assert (await browser.post(body)).status == 400
        assert (await browser.request("GET")).body == '{"code":1,"message":"Session ID unknown"}', "at once"
        await eventually(lambda: chat.reasons)
        assert chat.reasons == ["parse error"]

    async def test_a_payload_that_is_too_large_is_refused_and_the_session_goes_on(self, browser: Browser) -> None:
        answer = await browser.post("4" + "x" * 1000)
        assert (answer.status, answer.body) == (413, '{"code":3,"message":"Bad request: more than 1000 bytes"}')
        await browser.join()

    async def test_posts_that_wait_for_handlers_are_all_answered(self, chat: Chat) -> None:
        browser = Browser(SocketIOServer([chat], options=Options(inbound_limit=10)))
        await browser.open()
        await browser.join()
        chat.gate.clear()
        posts = [asyncio.create_task(browser.post(f'42/chat,["wait",{number}]')) for number in range(3)]
        done, _ = await asyncio.wait(posts, timeout=0.05)
        assert not done
        chat.gate.set()
        assert [(await post).body for post in posts] == ["ok"] * 3

    async def test_no_more_is_read_from_a_client_whose_input_waits(self, chat: Chat) -> None:
        browser = Browser(SocketIOServer([chat], options=Options(inbound_limit=10)))
        await browser.open()
        await browser.join()
        chat.gate.clear()
        posts = [browser.begin("POST", {}) for _ in range(3)]
        for number, post in enumerate(posts):
            await post.send_input({"type": "http.request", "body": f'42/chat,["wait",{number}]'.encode()})
            await Browser(browser.server).open()  # in the course of which a body that was to be read would be
        assert [post.input_queue.qsize() for post in posts] == [0, 1, 1]
        chat.gate.set()
        assert [(await browser.answer(post)).body for post in posts] == ["ok"] * 3

    async def test_two_polls_at_a_time_end_the_session(self, browser: Browser, chat: Chat) -> None:
        await browser.join()
        first = await browser.begin_get()
        assert (await browser.request("GET")).body == '{"code":3,"message":"Bad request"}'
        assert await first == "1"
        assert chat.reasons == ["transport error"]

    async def test_a_client_that_breaks_its_poll_off_is_gone(self, browser: Browser, chat: Chat) -> None:
        await browser.join()
        poll = browser.begin("GET", {})
        await poll.send_input({"type": "http.request", "body": b""})
        await eventually(browser.is_polling)
        await poll.send_input({"type": "http.disconnect"})
        await poll.wait(1)
        await eventually(lambda: chat.reasons)
        assert chat.reasons == ["transport error"]
        assert (await browser.request("GET")).status == 400

    async def test_a_close_packet_ends_the_session_and_lets_the_pending_poll_go(
        self, browser: Browser, chat: Chat
    ) -> None:
        await browser.join()
        polling = await browser.begin_get()
        assert (await browser.post("1")).body == "ok"
        assert (await browser.request("GET")).status == 400, "at once"
        assert await polling == "6"
        await eventually(lambda: chat.reasons)
        assert chat.reasons == ["transport close"]

    async def test_the_server_pings_by_way_of_a_poll_and_gives_a_silent_client_up(self, chat: Chat) -> None:
        browser = Browser(SocketIOServer([chat], options=Options(ping_interval=0.05, ping_timeout=0.05)))
        await browser.open()
        await browser.join()
        assert await browser.get() == "2"
        await browser.post("3")
        assert await browser.get() == "2"
        await eventually(lambda: chat.reasons)
        assert chat.reasons == ["ping timeout"]

    async def test_a_request_that_comes_too_late_finds_no_session_even_where_the_timer_is_later(
        self, chat: Chat
    ) -> None:
        browser = Browser(SocketIOServer([chat], options=Options(ping_interval=0.05, ping_timeout=0.05)), eio=3)
        await browser.open()
        request = browser.begin("GET", {})
        await request.send_input({"type": "http.request", "body": b""})
        time.sleep(0.11)  # a loop that is busy: the request's turn comes before the timer's
        assert (await browser.answer(request)).body == '{"code":1,"message":"Session ID unknown"}'

    async def test_the_last_words_of_a_session_can_still_be_fetched(
        self, browser: Browser, server: SocketIOServer
    ) -> None:
        await browser.join()
        await emit("news", "last", to="all", namespace="/chat")
        registry_of(current_adapter()).sessions[browser.query["sid"]].close("forced server close")
        assert await browser.get() == '42/chat,["news","last"]\x1e1'
        await asyncio.sleep(0)
        assert (await browser.request("GET")).body == '{"code":1,"message":"Session ID unknown"}'


class TestCrossOrigin:
    @pytest.fixture
    def server(self, chat: Chat) -> SocketIOServer:
        return SocketIOServer([chat], options=Options(allowed_origins=("https://shop.example",)))

    async def test_an_allowed_page_may_read_the_answer(self, server: SocketIOServer) -> None:
        browser = Browser(server)
        browser.headers.append((b"origin", b"https://shop.example"))
        answer = await browser.request("GET")
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert answer.headers["vary"] == "Origin"

    async def test_preflights_are_answered(self, server: SocketIOServer) -> None:
        browser = Browser(server)
        browser.headers.append((b"origin", b"https://shop.example"))
        answer = await browser.request("OPTIONS")
        assert answer.status == 204
        assert answer.headers["access-control-allow-methods"] == "GET, POST, OPTIONS"
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"

    async def test_other_pages_may_not(self, server: SocketIOServer) -> None:
        browser = Browser(server)
        browser.headers.append((b"origin", b"https://evil.example"))
        answer = await browser.request("GET")
        assert (answer.status, answer.body) == (403, '{"code":4,"message":"Forbidden"}')
        assert "access-control-allow-origin" not in answer.headers
        assert "access-control-allow-origin" not in (await browser.request("OPTIONS")).headers


class TestPayloadsOfManyPackets:
    async def test_one_with_too_many_packets_ends_the_session(self, chat: Chat) -> None:
        browser = Browser(SocketIOServer([chat], options=Options()))
        await browser.open()
        await browser.join()
        assert (await browser.post("\x1e".join(["6"] * 30_000))).status == 400
        assert chat.reasons == ["parse error"]

    @pytest.mark.parametrize(("eio", "body"), [(4, "\x1e".join(["3"] * 1_000)), (3, "1:2" * 1_000)])
    async def test_heartbeats_without_end_end_the_session(self, chat: Chat, eio: int, body: str) -> None:
        browser = Browser(SocketIOServer([chat], options=Options()), eio=eio)
        sid = await browser.open()
        assert (await browser.post(body)).status == 400
        assert sid not in registry_of(current_adapter()).sessions

    async def test_others_have_their_turn_meanwhile(self, browser: Browser) -> None:
        await browser.join()
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        def packets() -> Iterator[str]:
            for number in range(1_000):
                taken_in.add(turns)
                yield f'42/chat,["echo",{number}]'

        taken_in: set[int] = set()
        running = asyncio.create_task(others())
        await registry_of(current_adapter()).sessions[browser.query["sid"]].take(packets())
        running.cancel()
        assert len(taken_in) >= 9

    async def test_a_client_in_no_namespace_has_little_to_say(self, chat: Chat) -> None:
        browser = Browser(SocketIOServer([chat], options=Options()))
        await browser.open()
        assert (await browser.post(f'40/chat,{{"token":"{"x" * 64_000}"}}')).status == 413
        assert (await browser.post(f'40/chat,{{"token":"{"x" * 32_000}"}}')).status == 200
        assert (await browser.get()).startswith("40/chat,")
        assert (await browser.post(f'42/chat,["echo","{"x" * 900_000}"]')).status == 200
