"""An auction's result, as it comes from Kafka and as it goes to clients (contract, section 6)."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from socketio_bridge import outgoing_event

TOPIC = "chozoi.socket.auction.result"
DEAD_LETTER_TOPIC = f"{TOPIC}.dlq"
NOBODY = 0
"""The `winner_id` of an auction that nobody leads."""

SCHEMA = (Path(__file__).parent / "schemas" / "auction_result.avsc").read_text()
"""The Avro schema of the contract. Records are read by the schema that each was written with, so it may grow."""


class AuctionResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """One result. Prices, times and counts are as the auction service sends them."""

    id: int
    type: str
    phase_id: int | None = None
    state: str
    bids_count: int
    bidders_count: int
    winner_id: int
    current_price: int
    price_bid_auto_highest: int
    time_start: int
    time_end: int
    is_sold: int

    @property
    def auction_id(self) -> str:
        """The auction's id as clients name it, which is also the room of those who watch it."""
        return str(self.id)


class NamedAuctionResult(AuctionResult, frozen=True, kw_only=True, rename="camel"):
    """A result with the name of the auction's leader: empty where nobody leads, or the name is not known."""

    winner_name: str = ""

    def anonymous(self) -> AuctionResult:
        """The same without the name."""
        return AuctionResult(**{field: getattr(self, field) for field in AuctionResult.__struct_fields__})


@outgoing_event("new_auction_result")
def new_result(result: AuctionResult) -> None:
    """A result; to those who watch the auction."""


@outgoing_event("new_auction_result")
def new_named_result(result: NamedAuctionResult) -> None:
    """A result with the leader's name; to those who watch the auction."""


def named(result: AuctionResult, winner_name: str) -> NamedAuctionResult:
    """A result with its leader's name."""
    fields = {field: getattr(result, field) for field in AuctionResult.__struct_fields__}
    return NamedAuctionResult(**fields, winner_name=winner_name)
