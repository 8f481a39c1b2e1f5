"""Avro in Confluent's wire format: a zero byte, the writer's schema id in the registry (four bytes), Avro binary.

`Undecodable` is the fault of a record's producer and will not go away. `RegistryUnavailable` may: it is worth a retry.
"""

from __future__ import annotations

import io
import json
import struct
from typing import Any

import fastavro
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from kafka_workers.configuration import KafkaSettings

_HEADER = struct.Struct(">bI")
_MAGIC = 0
_NO_SUCH = range(40400, 40500)
"""The registry API's error codes. The status 404 alone may be a proxy's, before a registry that is away."""
TIMEOUT = 5.0
"""Seconds for one question to the registry."""


class Undecodable(Exception):
    """The bytes are no record that can be decoded; the message says why."""


class RegistryUnavailable(Exception):
    """The schema registry gave no usable answer."""


def registry() -> SchemaRegistryClient:
    """Make a client of SCHEMA_REGISTRY_URL. It caches schemas and does not retry."""
    return SchemaRegistryClient(
        {"url": KafkaSettings.current().SCHEMA_REGISTRY_URL, "timeout": TIMEOUT, "max.retries": 0}
    )


class AvroDecoder:
    """Decodes records, each by the schema that it was written with.

    Args:
        client: The registry's client.
    """

    def __init__(self, client: SchemaRegistryClient) -> None:
        self._client = client
        self._schemas: dict[int, Any] = {}

    def decode(self, data: bytes | None) -> Any:
        """Decode a record's value.

        Args:
            data: The value; None: the record has none.

        Returns:
            The value as builtins.

        Raises:
            Undecodable: It is not in the wire format, its schema does not exist, or it does not match its schema.
            RegistryUnavailable: Its schema could not be read now.
        """
        if data is None:
            raise Undecodable("the value is null")
        if len(data) < _HEADER.size:
            raise Undecodable(f"{len(data)} bytes are too few for Confluent's wire format, which begins with five")
        magic, schema_id = _HEADER.unpack_from(data)
        if magic != _MAGIC:
            raise Undecodable(f"the first byte is {magic}; in Confluent's wire format it is 0")
        schema = self._schema(schema_id)
        try:
            return fastavro.schemaless_reader(io.BytesIO(data[_HEADER.size :]), schema, None)
        except Exception as error:
            raise Undecodable(f"not Avro of schema {schema_id}: {type(error).__name__}: {error}") from error

    def _schema(self, schema_id: int) -> Any:
        if schema_id not in self._schemas:
            try:
                found = self._client.get_schema(schema_id)
            except SchemaRegistryError as error:
                if error.error_code in _NO_SUCH:
                    raise Undecodable(f"the registry has no schema {schema_id}") from error
                raise RegistryUnavailable(str(error)) from error
            except Exception as error:  # of the client's HTTP library, whichever that is
                raise RegistryUnavailable(f"{type(error).__name__}: {error}") from error
            try:
                self._schemas[schema_id] = fastavro.parse_schema(json.loads(found.schema_str or ""))
            except Exception as error:
                raise Undecodable(f"schema {schema_id} of the registry is not Avro: {error}") from error
        return self._schemas[schema_id]


class AvroEncoder:
    """Encodes values by one schema, which it registers as `<topic>-value`.

    Args:
        client: The registry's client.
        topic: The topic of the records.
        schema: The schema, in JSON.

    Raises:
        RegistryUnavailable: The registry did not answer, or refused the schema; the message says which.
    """

    def __init__(self, client: SchemaRegistryClient, topic: str, schema: str) -> None:
        self._schema = fastavro.parse_schema(json.loads(schema))
        subject = f"{topic}-value"
        try:
            schema_id = client.register_schema(subject, Schema(schema, "AVRO"))
        except Exception as error:
            raise RegistryUnavailable(f"schema {subject} could not be registered: {error}") from error
        self._header = _HEADER.pack(_MAGIC, schema_id)

    def encode(self, value: Any) -> bytes:
        """Encode a value in the wire format."""
        out = io.BytesIO()
        out.write(self._header)
        fastavro.schemaless_writer(out, self._schema, value)
        return out.getvalue()
