"""Which addresses may be connected to, and an aiohttp connector that looks when it connects.

Looking at a name beforehand is not enough: it may answer differently a moment later (DNS rebinding). So the address is
checked where the socket is made, for names and for literal addresses alike.
"""

from __future__ import annotations

import ipaddress
import socket
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import aiohttp

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
#: Beyond what the standard library calls not global; listed so that its version makes no difference.
_REFUSED = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, and the clouds' metadata service
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/128",
        "::1/128",
        "64:ff9b:1::/48",  # NAT64 inside one network
        "100::/64",
        "2001::/32",  # Teredo: carries any IPv4 address, obfuscated
        "2001:db8::/32",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)


def is_public(ip: str) -> bool:
    """Whether this IP address (a `%scope` is ignored) is one of the public internet's.

    An IPv6 address that carries an IPv4 address (mapped, compatible, 6to4, NAT64) is judged by that one.
    """
    try:
        address = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and (inner := _carried(address)) is not None:
        return is_public(str(inner))
    if any(address in network for network in _REFUSED if network.version == address.version):
        return False
    return address.is_global and not address.is_multicast


def is_loopback(host: str) -> bool:
    """Whether a configured host is this machine itself: `localhost` or a loopback address."""
    if host.rstrip(".").lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _carried(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


class AddressGuard:
    """Makes the sockets of one client; `refused` is the first address it would not connect to.

    Give its `socket` to `aiohttp.TCPConnector(socket_factory=…)`, one guard a request where the refusal is to be named.
    """

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self.refused: str | None = None

    def socket(self, info: Any) -> socket.socket:
        """A socket for this address. Raises OSError where it is private or local: nothing is connected to."""
        family, kind, proto, _name, address = info
        if not self._allow_private and not is_public(str(address[0])):
            self.refused = self.refused or str(address[0])
            raise OSError("a private or local address")
        return socket.socket(family=family, type=kind, proto=proto)

    def connector(self, **options: Any) -> aiohttp.TCPConnector:
        """A connector for a ClientSession, which closes it."""
        return aiohttp.TCPConnector(socket_factory=self.socket, **options)
