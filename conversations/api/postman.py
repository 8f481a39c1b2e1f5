"""A Postman collection (format 2.1) of the REST API, made from its OpenAPI document, and the environment to run it in.

Its examples are those of the demo (`manage.py seed_demo`), as buyer 7: run from top to bottom, every request succeeds.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

Json = dict[str, Any]

_FORMAT = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_METHODS = ("get", "post", "put", "delete")
_EXAMPLES: Mapping[str, Any] = {
    "room_id": "7.501",
    "message_id": "{{message_id}}",
    "from": "7",
    "to": "501",
    "type": "TEXT",
    "content": "Xin chào!",
    "client_message_id": "{{$guid}}",
    "buyer": "7",
    "seller": "503",
    "shop_id": "503",
    "creator": "7",
    "buyer_info": {"name": "Linh Trần"},
    "block": False,
    "q": "chao",
    "file": "picture.png",
    "target_type": "room",
    "target_id": "7.501",
    "reason": "other",
}
"""What fields hold in the demo, by their names, wherever a request has to have them or profits from having them."""

_MADE_HERE = {"room_id": "7.503"}
_EXAMPLES_OF: Mapping[str, Mapping[str, Any]] = {"deleteOneRoom": _MADE_HERE, "putRoomEnable": _MADE_HERE}
"""By the operation's id, where others serve better: the room that is deleted is not the one that others need."""

_AFTER_EACH = 'pm.test("is answered 200", () => pm.response.to.have.status(200));'
_AFTER: Mapping[str, str] = {"postMessages": 'pm.collectionVariables.set("message_id", pm.response.json()._id);'}
"""Scripts after requests, by the operation's id: the message sent is the one that is edited then."""


def collection(document: Json) -> Json:
    """The collection of what an OpenAPI document describes, in folders by tag."""
    requests = sorted(_requests(document), key=lambda request: request[0])
    return {
        "info": {
            "_postman_id": _id_of("collection"),
            "name": document["info"]["title"],
            "description": document["info"].get("description", ""),
            "schema": _FORMAT,
        },
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}", "type": "string"}]},
        "event": [_script(_AFTER_EACH)],
        "variable": [{"key": "message_id", "value": ""}],
        "item": [
            {"name": tag, "item": [item for _, item in items]}
            for tag, items in groupby(requests, key=lambda request: request[0])
        ],
    }


def environment(base_url: str) -> Json:
    """Where the server is, and whose token calls; the token is for whoever uses it to fill in."""
    return {
        "id": _id_of("environment"),
        "name": "Conversations: demo",
        "values": [
            {"key": "base_url", "value": base_url, "type": "default", "enabled": True},
            {"key": "token", "value": "", "type": "secret", "enabled": True},
        ],
        "_postman_variable_scope": "environment",
    }


def _id_of(what: str) -> str:
    """The same in every run, so that an import replaces the one before."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"chozoi-chat/postman/{what}"))


def _requests(document: Json) -> Iterator[tuple[str, Json]]:
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                operation = methods[method]
                yield operation["tags"][0], _item(path, method, operation)


def _item(path: str, method: str, operation: Json) -> Json:
    examples = {**_EXAMPLES, **_EXAMPLES_OF.get(operation["operationId"], {})}
    item = {
        "name": operation["summary"],
        "request": {
            "method": method.upper(),
            "description": operation.get("description", ""),
            "header": [],
            "url": _url(path, operation.get("parameters", []), examples),
            **_body(operation, examples),
        },
        "response": [],
    }
    if after := _AFTER.get(operation["operationId"]):
        item["event"] = [_script(after)]
    return item


def _url(path: str, parameters: list[Json], examples: Mapping[str, Any]) -> Json:
    """An address with its parts named; what a query may have and need not is there, but switched off."""
    parts = [f":{part[1:-1]}" if part.startswith("{") else part for part in path.strip("/").split("/")]
    query = [
        {
            "key": parameter["name"],
            "value": examples.get(parameter["name"], "") if parameter.get("required") else "",
            "description": parameter.get("description", ""),
            **({} if parameter.get("required") else {"disabled": True}),
        }
        for parameter in sorted(parameters, key=lambda parameter: not parameter.get("required"))
        if parameter["in"] == "query"
    ]
    used = "&".join(f"{each['key']}={each['value']}" for each in query if not each.get("disabled"))
    names = [part[1:] for part in parts if part.startswith(":")]
    return {
        "raw": "{{base_url}}/" + "/".join(parts) + (f"?{used}" if used else ""),
        "host": ["{{base_url}}"],
        "path": parts,
        "query": query,
        "variable": [{"key": name, "value": examples[name]} for name in names],
    }


def _body(operation: Json, examples: Mapping[str, Any]) -> Json:
    content = operation.get("requestBody", {}).get("content", {})
    for media_type, described in content.items():
        fields = {name: examples[name] for name in described["schema"]["properties"] if name in examples}
        if media_type == "multipart/form-data":
            form = [{"key": name, "type": "file", "src": value} for name, value in fields.items()]
            return {"body": {"mode": "formdata", "formdata": form}}
        if "type" in fields and fields["type"] not in described["schema"]["properties"]["type"].get("enum", ()):
            del fields["type"]
        return {"body": {"mode": "raw", "raw": _text(fields), "options": {"raw": {"language": "json"}}}}
    return {}


def _text(fields: Json) -> str:
    return json.dumps(fields, indent=2, ensure_ascii=False)


def _script(line: str) -> Json:
    return {"listen": "test", "script": {"type": "text/javascript", "exec": [line]}}
