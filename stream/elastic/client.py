"""The connection to Elasticsearch: the official client, which is given no second chance of its own, since every retry
here must know what it retries.

The synchronous client, used from threads: the ports are synchronous, a request is spent waiting in the kernel without
the interpreter's lock, and the worker's event loop never sees it.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from elastic_transport import TlsError
from elasticsearch import ApiError, Elasticsearch, JsonSerializer, TransportError

from riskwire.errors import ConfigError, StorageError
from riskwire.settings import ElasticsearchSettings
from stream.elastic.failures import is_passing, retry_after, storage_error

T = TypeVar("T")

#: Seconds between two tries of a request that fails for a passing reason: the first pause, and the longest.
BACKOFF_FIRST, BACKOFF_MAX = 0.1, 5.0


class _Serializer(JsonSerializer):
    """JSON by msgspec: a page of stories is read several times faster than by the standard library."""

    def json_loads(self, data: bytes) -> Any:
        try:
            return msgspec.json.decode(data)
        except msgspec.MsgspecError as error:  # an answer cut short: the client knows ValueError for that
            raise ValueError(str(error)) from error

    def json_dumps(self, data: Any) -> bytes:
        return msgspec.json.encode(data)


def connect(settings: ElasticsearchSettings) -> Elasticsearch:
    """A client; nothing is sent yet. Close it.

    Raises ConfigError when the CA file can't be used.
    """
    # What fails is said once, by us, with what to do.
    logging.getLogger("elastic_transport").setLevel(logging.ERROR)
    options: dict[str, Any] = {}
    if settings.api_key is not None:
        options["api_key"] = settings.api_key.get_secret_value()
    elif settings.username:
        password = settings.password.get_secret_value() if settings.password else ""
        options["basic_auth"] = (settings.username, password)
    if settings.url.startswith("https:"):
        options["ssl_context"] = _tls(settings)
    return Elasticsearch(
        settings.url,
        request_timeout=settings.timeout,
        max_retries=0,
        retry_on_timeout=False,
        connections_per_node=settings.bulk_concurrency + 4,
        http_compress=False,
        serializer=_Serializer(),
        ssl_show_warn=False,
        **options,
    )


def _tls(settings: ElasticsearchSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            "holds no certificates that can be used", about=str(settings.ca_file), hint="It takes PEM."
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not settings.verify:  # only with allow_insecure: the settings refuse it otherwise
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def asked(request: Callable[[], T], *, patience: float = 0.0) -> T:
    """The answer to a request that may be repeated; for `patience` seconds also through passing failures.

    Raises StorageError in our words.
    """
    end, pause = time.monotonic() + patience, BACKOFF_FIRST
    while True:
        try:
            return request()
        except (ApiError, TransportError) as error:
            wait = max(pause, retry_after(error) or 0.0)
            if isinstance(error, TlsError) or not is_passing(error) or time.monotonic() + wait > end:
                raise storage_error(error) from None
        time.sleep(wait)
        pause = min(pause * 2, BACKOFF_MAX)


def reachable(client: Elasticsearch) -> str:
    """The server's version, for `riskwire doctor`. Raises StorageError.

    Not `client.info()`: the distribution for tests has no `GET /`.
    """
    nodes = asked(lambda: client.nodes.info(filter_path="nodes.*.version")).get("nodes", {})
    versions = sorted({str(node["version"]) for node in nodes.values()})
    if not versions:
        raise StorageError("names no node", about="Elasticsearch")
    return ", ".join(versions)
