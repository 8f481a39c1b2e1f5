"""What an address names by a key of moderation's collections."""

from __future__ import annotations

from typing import TypeVar

from bson import ObjectId
from django.db.models import Model
from django.http import Http404

AnyModel = TypeVar("AnyModel", bound=Model)


def found_or_404(model: type[AnyModel], key: str) -> AnyModel:
    """The one of this key. Http404: there is none, or it is no key."""
    found = model._default_manager.filter(pk=key).first() if ObjectId.is_valid(key) else None
    if found is None:
        raise Http404(f"there is no {model._meta.verbose_name} {key!r}")
    return found
