"""From Kafka records to clients: decoding, names of leaders, the latest results in Redis, and emitting."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import msgspec
from confluent_kafka import Message

from auctions.configuration import AuctionSettings
from auctions.dead_letters import DeadLetters
from auctions.latest_results import LatestResults, Placed
from auctions.results import AuctionResult, NamedAuctionResult, named, new_named_result, new_result
from auctions.winner_names import WinnerNames
from kafka_workers.wire_format import AvroDecoder, Undecodable
from persistence.configuration import StoreSettings
from socketio_bridge import emit
from workers.report import WorkerReport

logger = logging.getLogger(__name__)


class Delivery:
    """Delivers batches of records. After an exception the same batch may be delivered again."""

    def __init__(self, decoder: AvroDecoder, dead_letters: DeadLetters, report: WorkerReport) -> None:
        self._decoder = decoder
        self._dead_letters = dead_letters
        self._report = report
        self._names = WinnerNames()
        self._latest = LatestResults(StoreSettings.current().REDIS_ADDRESS)

    def read(self, records: Sequence[Message]) -> list[tuple[Message, AuctionResult]]:
        """Decode records, and send those that cannot be decoded to the dead letter topic. It blocks.

        Args:
            records: The records, in order.

        Returns:
            Those that could be decoded, each with its result, in order.

        Raises:
            RegistryUnavailable: A schema could not be read now.
        """
        readable: list[tuple[Message, AuctionResult]] = []
        unreadable: list[tuple[Message, str]] = []
        for record in records:
            try:
                readable.append((record, self._result(record)))
            except Undecodable as error:
                unreadable.append((record, str(error)))
        if unreadable:
            self._dead_letters.send(unreadable)
        return readable

    async def deliver(self, results: Sequence[tuple[Message, AuctionResult]]) -> None:
        """Emit results in both namespaces, in order; each is first stored as its auction's latest.

        Raises:
            RedisError: Redis does not answer.
        """
        names = await self._names.of(result.winner_id for _, result in results)
        placed = [_placed(record, named(result, names.get(result.winner_id, ""))) for record, result in results]
        await self._latest.store(placed)
        settings = AuctionSettings.current()
        for one in placed:
            room = one.result.auction_id
            await emit(new_result(one.result.anonymous()), to=room, namespace=settings.AUCTION_RESULT_NAMESPACE)
            await emit(new_named_result(one.result), to=room, namespace=settings.AUCTIONS_RESULT_NAMESPACE)

    async def close(self) -> None:
        """Close the connections."""
        await self._names.close()
        await self._latest.close()

    def _result(self, record: Message) -> AuctionResult:
        value = self._decoder.decode(_bytes(record.value()))
        try:
            return msgspec.convert(value, AuctionResult)
        except msgspec.ValidationError as error:
            raise Undecodable(f"no auction result: {error}") from error


def _placed(record: Message, result: NamedAuctionResult) -> Placed:
    _, at = record.timestamp()
    return Placed(result, record.partition() or 0, record.offset() or 0, at)


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
