"""Notices as signed JSON to a URL.

    Riskwire-Timestamp: 1764000000
    Riskwire-Signature: v1=HMAC-SHA256(secret, "1764000000." + body), in hex
    Idempotency-Key: the same when a notice is sent again

A receiver checks the signature in constant time, refuses old timestamps, and drops a key that it has seen.
"""

from __future__ import annotations

import hashlib
import hmac

from pydantic import SecretStr

from alerts.notifiers.base import idempotency_key
from alerts.notifiers.http import check_receiver_url, post, raise_for
from riskwire import wire
from riskwire.clock import Clock, SystemClock
from riskwire.types import Notification


class WebhookNotifier:
    """Posts the wire form of Notification. The timestamp is of the real clock, whatever time the alerts are in."""

    name = "webhook"

    def __init__(
        self,
        url: SecretStr,
        secret: SecretStr,
        *,
        timeout: float = 10,
        allow_private_addresses: bool = False,
        clock: Clock | None = None,
    ) -> None:
        check_receiver_url(url.get_secret_value(), "alerts.webhook.url", https_only=False)
        self._url = url
        self._secret = secret
        self._timeout = timeout
        self._allow_private = allow_private_addresses
        self._clock = clock or SystemClock()

    async def notify(self, notification: Notification) -> None:
        """See Notifier.notify."""
        body = wire.encode(notification)
        timestamp = str(int(self._clock.now().timestamp()))
        answer = await post(
            self._url.get_secret_value(),
            body,
            {
                "Content-Type": "application/json",
                "Riskwire-Timestamp": timestamp,
                "Riskwire-Signature": sign(self._secret.get_secret_value(), timestamp, body),
                "Idempotency-Key": idempotency_key(notification),
            },
            receiver=self.name,
            seconds=self._timeout,
            allow_private=self._allow_private,
        )
        raise_for(answer, self.name)


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """`v1=` and the hex HMAC-SHA256 of `timestamp.body`."""
    return "v1=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
