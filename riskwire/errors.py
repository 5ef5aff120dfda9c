"""Every error that Riskwire raises on purpose, in one tree.

    RiskwireError
    ├── UsageError              the call is wrong: exit code 2
    │   └── ConfigError         riskwire.toml, a variable or a flag; says where
    │       ├── FeedsFileError
    │       └── RulesError
    ├── IngestError             one source failed; the others go on
    │   ├── FetchError          nothing came, or something that must not be read
    │   │   ├── AddressRefused  the address is private, local or not allowed
    │   │   └── TooLarge
    │   └── ParseError          what came is no feed
    ├── InputError              a file given by the user can't be read
    ├── WireError               bytes that are not one of our records
    ├── StorageError            the log or the index
    │   ├── StorageBusy         another process holds it
    │   └── StorageFull         the disk is full: retried, nothing is lost
    ├── ModelError
    │   ├── ModelIntegrityError a file of the artefact is not what its manifest says
    │   └── DeviceError         the device asked for is not here
    ├── ScoringError            these texts could not be scored
    └── NotifyError             a notice was not delivered
        └── NotifyRetry         … but may be, later

Each carries what it is about and what to do. `str(error)` is one line: `about: message (cause). hint`.
"""

from __future__ import annotations


class RiskwireError(Exception):
    """Base of all. `about` names the thing (a path, a feed, a key); `hint` says what to do about it."""

    exit_code = 1

    def __init__(self, message: str, *, about: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.about = about
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.about}: {self.message}" if self.about else self.message
        if self.__cause__ is not None and not isinstance(self.__cause__, RiskwireError):
            # Some causes (socket errors, database errors) have no text of their own: then the type is all there is.
            text += f" ({type(self.__cause__).__name__}{f': {self.__cause__}' if str(self.__cause__) else ''})"
        return f"{text}. {self.hint}" if self.hint else text

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.about, self.hint)


def _rebuild(kind: type[RiskwireError], message: str, about: str, hint: str) -> RiskwireError:
    return kind(message, about=about, hint=hint)


class UsageError(RiskwireError):
    """The command was called wrongly."""

    exit_code = 2


class ConfigError(UsageError):
    """A setting is wrong; `about` says in which file and line, variable or flag."""


class FeedsFileError(ConfigError):
    """A feeds file (TOML or OPML) is wrong."""


class RulesError(ConfigError):
    """`rules.yml` is wrong; `about` is `path:line:column`."""


class IngestError(RiskwireError):
    """One source failed. The others go on."""


class FetchError(IngestError):
    """Nothing came, or something that must not be read. `retry_after` is in seconds, when the server said so."""

    def __init__(
        self,
        message: str,
        *,
        about: str = "",
        hint: str = "",
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, about=about, hint=hint)
        self.status = status
        self.retry_after = retry_after


class AddressRefused(FetchError):
    """The address is private, local, or of a kind that is not allowed. Nothing was connected to."""


class TooLarge(FetchError):
    """More bytes than allowed, counted after decompression."""


class ParseError(IngestError):
    """What came is no feed, or took too long to read."""


class InputError(RiskwireError):
    """A file given by the user can't be read; `about` is `path` or `path:row`."""


class WireError(RiskwireError):
    """Bytes that are not one of our records, or of a schema version that this program does not know."""


class StorageError(RiskwireError):
    """The log or the index failed. Nothing that was acknowledged is lost."""


class StorageBusy(StorageError):
    """Another process holds the data folder or the database."""


class StorageFull(StorageError):
    """No space left. What was not stored was not acknowledged, and is tried again."""


class ModelError(RiskwireError):
    """The model artefact can't be used."""


class ModelIntegrityError(ModelError):
    """A file of the artefact is missing, too much, or not what its manifest says. It is not loaded."""


class DeviceError(ModelError):
    """The device that was asked for is not here."""


class ScoringError(RiskwireError):
    """These texts could not be scored. The documents are kept as `unscored: error`."""


class NotifyError(RiskwireError):
    """A notice was not delivered, and trying again would not help."""


class NotifyRetry(NotifyError):
    """A notice was not delivered, but may be later. `retry_after` is in seconds, when the receiver said so."""

    def __init__(self, message: str, *, about: str = "", hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, about=about, hint=hint)
        self.retry_after = retry_after
