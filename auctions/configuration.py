"""The keys of `settings.CONVERSATIONS` that are about results of auctions."""

from __future__ import annotations

from persistence.configuration import Section


class AuctionSettings(Section, frozen=True, kw_only=True):
    """Where results are told, and who knows the winners.

    Attributes:
        AUCTION_RESULT_NAMESPACE: The namespace of one auction.
        AUCTIONS_RESULT_NAMESPACE: The namespace of lists of auctions.
        ACCOUNT_SERVICE: GET `ACCOUNT_SERVICE`/{user_id} gives a winner's name; empty: nothing does.
    """

    AUCTION_RESULT_NAMESPACE: str = "/v1/conversations/auction-result-events"
    AUCTIONS_RESULT_NAMESPACE: str = "/v1/conversations/auction-result-list-events"
    ACCOUNT_SERVICE: str = ""
