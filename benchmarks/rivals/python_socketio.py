"""The server that ours is measured against: python-socketio, its Redis manager, and the same two handlers.

Written as its documentation would have it, with nothing left out that makes it fast: async MongoDB driver, one emit for
both sides, no token check, no membership rules, no presence, no duplicates.

python -m benchmarks.rivals.python_socketio PORT
"""

import os
import sys
import urllib.parse
import uuid
from datetime import UTC, datetime
from typing import Any

import socketio
import uvicorn
from pymongo import AsyncMongoClient
from pymongo.write_concern import WriteConcern

NAMESPACE = "/v1/conversations/events"
DURABLE = WriteConcern(w="majority", j=True)  # stored before delivery, as ours

server = socketio.AsyncServer(
    async_mode="asgi",
    client_manager=socketio.AsyncRedisManager(os.environ["RIVAL_REDIS_URL"]),
    cors_allowed_origins="*",
)
application = socketio.ASGIApp(server, socketio_path="/v1/conversations/sockets")

_database = AsyncMongoClient(os.environ["RIVAL_MONGODB_URI"]).get_default_database()
_rooms = _database.get_collection("cz_rooms", write_concern=DURABLE)
_messages = _database.get_collection("cz_messages", write_concern=DURABLE)


@server.on("connect", namespace=NAMESPACE)
async def connect(sid: str, environ: dict[str, Any], auth: Any = None) -> None:
    query = urllib.parse.parse_qs(environ["QUERY_STRING"])
    await server.enter_room(sid, query["user_id"][0], namespace=NAMESPACE)


@server.on("typing", namespace=NAMESPACE)
async def typing(sid: str, data: dict[str, Any]) -> None:
    await server.emit("typing", data, to=data["to"], skip_sid=sid, namespace=NAMESPACE)


@server.on("new_message", namespace=NAMESPACE)
async def new_message(sid: str, data: dict[str, Any]) -> None:
    now = datetime.now(UTC)
    message = {
        "_id": uuid.uuid4().hex,
        "room_id": data["room_id"],
        "from": data["from"],
        "to": data["to"],
        "type": data["type"],
        "content": data["content"],
        "is_seen": False,
        "created_at": now,
        "updated_at": now,
    }
    await _messages.insert_one(message)
    receiver = "buyer" if data["room_id"].startswith(f"{data['to']}.") else "seller"
    await _rooms.update_one(
        {"_id": data["room_id"]},
        {
            "$inc": {f"{receiver}_unseen_messages": 1},
            "$set": {"buyer_last_message": message, "seller_last_message": message, "updated_at": now},
        },
    )
    stamp = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    payload = message | {"created_at": stamp, "updated_at": stamp, "client_message_id": data.get("client_message_id")}
    await server.emit("new_message", payload, to=[data["from"], data["to"]], namespace=NAMESPACE)


def serve(port: int) -> None:
    """Serve with the options of chozoi_chat/serving.py, to the letter."""
    uvicorn.run(
        application,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=5_000_000,
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        lifespan="auto",
        log_level="warning",
        access_log=False,
        server_header=False,
    )


if __name__ == "__main__":
    serve(int(sys.argv[1]))
