"""What this marketplace asks of the chat."""

from conversations.errors import Forbidden
from conversations.policies import Policy
from conversations.requests import CreateRoom
from shops.models import Shop


class ShopRules(Policy):
    """Buyers write to a shop's owner, about that shop."""

    async def check_room(self, creator: str, request: CreateRoom) -> None:
        is_key = str(request.shop_id).isdecimal() and request.seller.isdecimal()
        if not is_key or not await Shop.objects.filter(pk=request.shop_id, owner_id=request.seller).aexists():
            raise Forbidden("shop_not_of_seller", f"shop {request.shop_id!r} is not that of user {request.seller!r}")
