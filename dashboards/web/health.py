"""What `/healthz` says."""

from __future__ import annotations

import msgspec


class Health(msgspec.Struct, frozen=True):
    """`ready` once stories can be scored, whatever the feeds do; `parts` says how each part is, in a few words."""

    ready: bool
    parts: dict[str, str] = {}
