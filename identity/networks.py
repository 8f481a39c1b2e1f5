"""Whom limits by address are for: an IPv4 address, or an IPv6 network of /64, which is a single subscriber's."""

from __future__ import annotations

import ipaddress
from functools import lru_cache


def network_of(address: str) -> str:
    """The address, or its network. An IPv4 address is the same one however it is written; what is none stays."""
    return address if ":" not in address else _of_ipv6(address)


@lru_cache(maxsize=4096)
def _of_ipv6(text: str) -> str:
    try:
        address = ipaddress.IPv6Address(text.partition("%")[0])
    except ValueError:
        return text
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, 64), strict=False))
