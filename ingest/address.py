"""Which addresses may be fetched from. A URL is looked at before the request, the IP address when it is connected to.

Only the second look is safe against names that change their answer (DNS rebinding) and against redirects, so it is made
where the socket is made, for names and for literal addresses alike.
"""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import SplitResult, urlsplit

from riskwire.errors import AddressRefused, FetchError

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


def _carried(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def check_url(url: str, *, schemes: tuple[str, ...] = ("http", "https")) -> SplitResult:
    """The URL's parts. Raises FetchError when it is no URL, AddressRefused when it is of a kind that is never fetched.

    Names are not resolved here: whether the address is public is seen when it is connected to.
    """
    shown = url if len(url) <= 200 else f"{url[:200]}…"
    if any(c.isspace() or not c.isprintable() for c in url):
        raise FetchError("is no URL: it holds white space or control characters", about=shown)
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        raise FetchError("is no URL", about=shown) from error
    if parts.scheme not in schemes:
        raise AddressRefused(f"addresses of the kind {parts.scheme or '(none)'}: are not fetched", about=shown)
    if parts.scheme == "file":
        return parts
    if not host:
        raise FetchError("is no URL: it names no host", about=shown)
    if "@" in parts.netloc:
        # Also hides the real host from a reader's eye; and what it shows would be a password in a log.
        raise AddressRefused(
            "addresses with a user name or password are not fetched", about=f"{parts.scheme}://…@{host}"
        )
    return parts
