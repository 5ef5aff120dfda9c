"""From settings to how Kafka is reached: for kafka-python, and for Faust (aiokafka). No password ever stands in a URL:
Faust prints those."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any, TypeVar

from faust.auth import SASLCredentials, SSLCredentials
from kafka.errors import KafkaError, TopicAlreadyExistsError

from riskwire.errors import StorageError
from riskwire.settings import KafkaSettings

T = TypeVar("T")

#: Seconds in which Kafka must have answered a request of ours; then it counts as away, and is tried again.
ANSWER_SECONDS = 10.0


def servers(settings: KafkaSettings) -> list[str]:
    """host:port of each."""
    return [server.strip() for server in settings.bootstrap_servers.split(",") if server.strip()]


def client_options(settings: KafkaSettings, client: str) -> dict[str, Any]:
    """What every client of kafka-python is made with. `client` names it in the broker's log and metrics."""
    options: dict[str, Any] = {
        "bootstrap_servers": servers(settings),
        "client_id": f"{settings.prefix}-{client}",
        "security_protocol": settings.security_protocol,
        "request_timeout_ms": int(ANSWER_SECONDS * 1000),
        "bootstrap_timeout_ms": int(ANSWER_SECONDS * 1000),
        "reconnect_backoff_max_ms": 2_000,
    }
    if settings.security_protocol.endswith("SSL"):
        options["ssl_context"] = _context(settings)
    if settings.security_protocol.startswith("SASL"):
        assert settings.password is not None  # the settings see to it
        options |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.username,
            "sasl_plain_password": settings.password.get_secret_value(),
        }
    return options


def faust_options(settings: KafkaSettings) -> dict[str, Any]:
    """The broker settings of a Faust app."""
    options: dict[str, Any] = {"broker": ";".join(f"kafka://{server}" for server in servers(settings))}
    context = _context(settings) if settings.security_protocol.endswith("SSL") else None
    if settings.security_protocol.startswith("SASL"):
        assert settings.password is not None
        options["broker_credentials"] = SASLCredentials(
            username=settings.username,
            password=settings.password.get_secret_value(),
            mechanism=settings.sasl_mechanism,
            ssl_context=context,
        )
    elif context is not None:
        # Always a context of ours: SSLCredentials() by itself can't make one.
        options["broker_credentials"] = SSLCredentials(context=context)
    return options


def asking(what: str, call: Callable[[], T], settings: KafkaSettings) -> T:
    """The call's answer. Raises StorageError, in our words, when Kafka does not give one."""
    try:
        return call()
    except TopicAlreadyExistsError:
        raise
    except (KafkaError, OSError) as error:
        raise StorageError(what, about=f"kafka {settings.bootstrap_servers}") from error


def _context(settings: KafkaSettings) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
