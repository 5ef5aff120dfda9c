"""What Elasticsearch says, as our own errors, each with what to do. What the client says is never quoted as it is: an
answer may hold what was asked, and with it a story's text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from elastic_transport import TlsError
from elasticsearch import ApiError, ConnectionTimeout, TransportError, UnsupportedProductError

from riskwire.errors import StorageBusy, StorageError, StorageFull
from riskwire.log import masked, one_line

#: The server is busy or away: the same request may succeed later.
PASSING = frozenset({429, 502, 503, 504})
#: The longest pause that a server's Retry-After can ask for, in seconds.
LONGEST_RETRY_AFTER = 60.0
_ABOUT = "Elasticsearch"


def is_passing(error: ApiError | TransportError) -> bool:
    """Whether the same request may succeed later."""
    return error.meta.status in PASSING if isinstance(error, ApiError) else not isinstance(error, TlsError)


def retry_after(error: ApiError | TransportError) -> float | None:
    """Seconds that the server asked us to wait."""
    if not isinstance(error, ApiError):
        return None
    try:
        return min(max(float(error.meta.headers.get("retry-after") or ""), 0.0), LONGEST_RETRY_AFTER)
    except ValueError:
        return None


def storage_error(error: ApiError | TransportError) -> StorageError:
    """The StorageError that says the same."""
    if isinstance(error, UnsupportedProductError):
        return StorageError("what answers is no Elasticsearch 8", about=_ABOUT, hint="Check elasticsearch.url.")
    if isinstance(error, ApiError):
        return status_error(error.meta.status, _first_cause(error.body))
    if isinstance(error, TlsError):
        return StorageError(
            f"its certificate is not trusted: {_clean(error.message)}",
            about=_ABOUT,
            hint="Set elasticsearch.ca_file to the authority that signed it.",
        )
    if isinstance(error, ConnectionTimeout):
        return StorageBusy("did not answer in time", about=_ABOUT, hint="It is tried again.")
    return StorageError(
        f"can't be reached: {_clean(error.message)}", about=_ABOUT, hint="Check elasticsearch.url, and that it runs."
    )


def status_error(status: int, cause: Mapping[str, Any]) -> StorageError:
    """The same for a status and the cause that came with it (of a request, or of one item of a bulk)."""
    kind, reason = str(cause.get("type", "")), _clean(cause.get("reason", ""))
    if "disk usage exceeded" in reason or "flood-stage" in reason or "read-only-allow-delete" in reason:
        return StorageFull(
            "its disk is nearly full and it takes no more", about=_ABOUT, hint="Free some: nothing is lost."
        )
    if status == 401:
        return StorageError(
            "does not know this login", about=_ABOUT, hint="Check elasticsearch.api_key, or username and password."
        )
    if kind == "cluster_block_exception":
        return StorageBusy("takes no writes at this moment (an index moves)", about=_ABOUT, hint="It is tried again.")
    if status == 403:
        return StorageError(
            f"does not allow this: {reason}", about=_ABOUT, hint="deploy/elasticsearch has the roles that are needed."
        )
    if kind == "index_not_found_exception" or "is not an alias" in reason:
        return StorageError(f"an index is missing: {reason}", about=_ABOUT, hint="`riskwire index init` makes them.")
    if status in PASSING:
        return StorageBusy(f"is busy or starting (HTTP {status})", about=_ABOUT, hint="It is tried again.")
    return StorageError(f"refused a request (HTTP {status}, {kind}): {reason}", about=_ABOUT)


def reason_of(error: ApiError | Mapping[str, Any]) -> str:
    """Why one document was refused, in one line: for its dead letter, which holds the document as well."""
    cause = _first_cause(error.body) if isinstance(error, ApiError) else error
    deeper = cause.get("caused_by")
    more = f" ({deeper['reason']})" if isinstance(deeper, Mapping) and deeper.get("reason") else ""
    return _clean(f"{cause.get('type', 'too large')}: {cause.get('reason', '')}{more}", 1_500)


def _first_cause(body: Any) -> Mapping[str, Any]:
    cause = body.get("error") if isinstance(body, Mapping) else None
    if isinstance(cause, Mapping):
        roots = cause.get("root_cause")
        first = roots[0] if isinstance(roots, list) and roots else cause
        return first if isinstance(first, Mapping) else cause
    return {}


def _clean(text: object, most: int = 300) -> str:
    return one_line(masked(str(text)))[:most]
