"""Which addresses are public, and which URLs are never fetched (security.md, row 1)."""

import pytest

from ingest.net.address import check_url
from riskwire.errors import AddressRefused, FetchError
from riskwire.net import is_public

PRIVATE = [
    "127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "100.127.255.255", "0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.255", "255.255.255.255",
    "240.0.0.1",    "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.7", "192.88.99.1", "192.0.0.8",
    "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "2001:db8::1", "100::1",
    "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::10.0.0.1", "::127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:7f00:1::", "2002:0a00:0001::1", "2002:c0a8:101::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2", "not an address", "",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "93.184.216.34", "100.63.255.255", "100.128.0.1", "172.32.0.1", "2606:4700::1111",
          "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]  # fmt: skip


@pytest.mark.parametrize("ip", PRIVATE)
def test_private_addresses_are_not_public(ip: str) -> None:
    assert not is_public(ip)


@pytest.mark.parametrize("ip", PUBLIC)
def test_public_addresses_are(ip: str) -> None:
    assert is_public(ip)


@pytest.mark.parametrize(
    "url",
    ["ftp://example.org/feed", "gopher://example.org/", "file:///etc/passwd", "data:text/xml,x", "javascript:alert(1)",
     "feed", "//example.org/feed", "http://user@example.org/", "http://user:secret@example.org/", "unix:///run/x"],
)  # fmt: skip
def test_kinds_that_are_never_fetched(url: str) -> None:
    with pytest.raises(AddressRefused) as caught:
        check_url(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["http://", "http:///feed", "http://[::1", "http://h:99999/", "http://exa mple.org/", "http://e.org/\r\nX: y"],
)
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(FetchError):
        check_url(url)


def test_plain_urls_pass() -> None:
    assert check_url("https://example.org:8443/feed?x=1").hostname == "example.org"
    assert check_url("http://[2606:4700::1111]/").hostname == "2606:4700::1111"
