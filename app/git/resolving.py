"""Where a name leads, found out once and held to: a second answer may be another.

Addresses of this machine, of our own networks and of the cloud's metadata are refused, in whichever form they
are written or wrapped.
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from typing import Final

from app.domain.git_addresses import GitAddress
from app.errors import RemoteRefused

Resolve = Callable[[str, int], Sequence[str]]
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Ways to an IPv4 address through another network, and what the library takes for global and is not.
_NOT_PUBLIC: Final = tuple(
    ipaddress.ip_network(it)
    for it in (
        *("64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "fec0::/10"),
        *("192.0.0.0/24", "192.88.99.0/24"),
    )
)


def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a name. Raises OSError when it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[4][0]) for address in found))


def pinned(address: GitAddress, resolve: Resolve) -> Sequence[str]:
    """Return where the host is, asked for once; connect to these and to no other.

    Raises:
        RemoteRefused: it is nowhere, or one of its addresses is not public.
    """
    doing = f"looking up {address.host}"
    try:
        found = resolve(address.host, address.port)
    except (OSError, UnicodeError):
        raise RemoteRefused(f"{doing}: there is no such host", code="import:unreachable") from None
    if not address.is_trusted and not all(map(is_public, found)):
        raise RemoteRefused(f"{doing}: it leads to an address that is not public", code="import:not-public")
    return found


def is_public(text: str) -> bool:
    """Tell whether anybody on the Internet would mean the same machine by this address."""
    address: _Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    is_listed = any(address.version == it.version and address in it for it in _NOT_PUBLIC)
    return address.is_global and not is_listed and not address.is_multicast and not address.is_reserved
