"""Which URLs may be fetched at all. Whether an address is public is seen when it is connected to: `riskwire.net`."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from riskwire.errors import AddressRefused, FetchError


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
