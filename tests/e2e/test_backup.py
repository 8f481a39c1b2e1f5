"""The database is dumped while people write, lost, restored into an empty MongoDB, and served again.

mongodump is no package of Debian's. What it does is done here by the driver, in its format: each collection's documents
as BSON, its indexes beside them (`mongorestore` would take the folder). Pictures are files of DATA_DIR; Redis starts
empty.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import bson
import httpx
import pymongo
import pytest
import pytest_asyncio
from bson.codec_options import CodecOptions
from bson.json_util import dumps, loads
from bson.raw_bson import RawBSONDocument
from PIL import Image

from devstack.embedded import EmbeddedMongoDB, EmbeddedRedis
from tests.clients.client import Client
from tests.clients.driver import Driver

from .cluster import Cluster
from .device import Device
from .people import Room, new_buyer, new_seller
from .server_process import ServerProcess

pytestmark = pytest.mark.slow

RAW = CodecOptions(document_class=RawBSONDocument)
BASE = "/v1/conversations"


def dump(uri: str, folder: Path) -> None:
    """What `mongodump --uri … --out …` writes of one database."""
    with pymongo.MongoClient[Any](uri) as client:
        database = client.get_default_database()
        for name in database.list_collection_names():
            collection: Any = database[name]
            documents = collection.with_options(codec_options=RAW).find()
            (folder / f"{name}.bson").write_bytes(b"".join(document.raw for document in documents))
            (folder / f"{name}.metadata.json").write_text(dumps({"indexes": list(collection.list_indexes())}))


def restore(uri: str, folder: Path) -> None:
    """What `mongorestore` makes of that, in an empty database."""
    with pymongo.MongoClient[Any](uri, document_class=RawBSONDocument) as client:
        database = client.get_default_database()
        for path in sorted(folder.glob("*.bson")):
            documents = bson.decode_all(path.read_bytes(), RAW)
            database.create_collection(path.stem)
            if documents:
                database[path.stem].insert_many(documents)
            indexes = loads(path.with_suffix(".metadata.json").read_text())["indexes"]
            own = [
                {key: index[key] for key in index if key not in ("v", "ns")}
                for index in indexes
                if index["name"] != "_id_"
            ]
            if own:
                database.command({"createIndexes": path.stem, "indexes": own})


def indexes_of(uri: str) -> dict[str, Any]:
    """The indexes of each collection."""
    with pymongo.MongoClient[Any](uri) as client:
        database = client.get_default_database()
        return {name: database[name].index_information() for name in database.list_collection_names()}


@pytest_asyncio.fixture(loop_scope="session")
async def redis(tmp_path: Path) -> AsyncIterator[EmbeddedRedis]:
    redis = EmbeddedRedis(tmp_path / "redis")
    redis.start()
    yield redis
    redis.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=30) as http:
        yield http


async def write_and_dump(
    driver: Driver, http: httpx.AsyncClient, server: ServerProcess, room: Room, uri: str, folder: Path
) -> tuple[Device, str]:
    """Two people write, and go on while the dump is made: the seller's device, and the address of a picture."""
    device = Device(room.seller)
    buyer = Client(driver, version="4.8", url=server.url, query=room.buyer.identity())
    seller = Client(driver, version="4.8", url=server.url, query=room.seller.identity())
    async with buyer, seller:
        assert (await buyer.ask("create_room", room.creation(room.buyer)))["status"] is True
        content = io.BytesIO()
        Image.new("RGB", (8, 8), "red").save(content, "PNG")
        headers = {"Authorization": f"Bearer {room.buyer.token()}"}
        uploaded = await http.post(
            f"{server.url}{BASE}/uploads", files={"file": ("red.png", content.getvalue(), "image/png")}, headers=headers
        )
        picture: str = uploaded.json()["url"]
        sent = [room.message(room.buyer, f"before {n}", client_message_id=f"c{n}") for n in range(20)]
        sent.append(room.message(room.buyer, picture, type="IMAGE"))
        for message in sent:
            assert (await buyer.ask("new_message", message))["status"] is True
        await device.load(http, server.url)
        device.token = (await seller.ask("sync", {"since": None}))["next"]
        dump(uri, folder)
        assert (await buyer.ask("new_message", room.message(room.buyer, "after the dump")))["status"] is True
    return device, picture


async def test_what_was_dumped_is_served_again_and_the_rest_is_known_to_be_gone(
    driver: Driver, http: httpx.AsyncClient, redis: EmbeddedRedis, tmp_path: Path
) -> None:
    room = Room(new_buyer(), new_seller())
    folder = tmp_path / "dump"
    folder.mkdir()
    first = EmbeddedMongoDB(tmp_path / "first")
    first.start()
    async with Cluster(first.address, redis.address, tmp_path) as cluster:
        server = await cluster.server("before the loss", MAX_DISCONNECTION_DURATION="120")
        device, picture = await write_and_dump(driver, http, server, room, first.address, folder)
        shutil.copytree(tmp_path / "data/media", folder / "media")
        indexes = indexes_of(first.address)
    first.stop()
    shutil.rmtree(tmp_path / "first")
    shutil.rmtree(tmp_path / "data")
    redis.stop()
    shutil.rmtree(redis.directory)
    redis.start()

    second = EmbeddedMongoDB(tmp_path / "second")
    second.start()
    try:
        restore(second.address, folder)
        shutil.copytree(folder / "media", tmp_path / "data/media")
        async with Cluster(second.address, redis.address, tmp_path) as cluster:  # runs `migrate`
            assert indexes_of(second.address) == indexes
            server = await cluster.server("after it", SYNC_WINDOW="1")
            await is_as_it_was(driver, http, server, room, device, picture)
    finally:
        second.stop()


async def is_as_it_was(
    driver: Driver, http: httpx.AsyncClient, server: ServerProcess, room: Room, device: Device, picture: str
) -> None:
    buyer = Client(driver, version="4.8", url=server.url, query=room.buyer.identity())
    seller = Client(driver, version="2.3.1", url=server.url, query=room.seller.identity())
    async with buyer, seller:
        refused = await seller.ask("sync", {"since": device.token})
        assert refused["error"]["code"] == "sync_too_old", "an app that showed more is told to load anew"
        restored = Device(room.seller)
        await restored.load(http, server.url)
        assert restored.messages == device.messages
        assert restored.rooms == device.rooms
        path = picture[picture.index(BASE) :]
        assert (await http.get(server.url + path)).headers["content-type"] == "image/png"

        again = await buyer.ask("new_message", room.message(room.buyer, "before 3", client_message_id="c3"))
        assert again["message"]["_id"] in restored.messages[room.id], "a repeat is known as one"
        new = await buyer.ask("new_message", room.message(room.buyer, "after the loss"))
        assert new["message"]["_id"] > max(restored.messages[room.id]), "and a new message is the newest"
        await seller.expect("new_message", content="after the loss")
