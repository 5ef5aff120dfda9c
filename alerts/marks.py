"""YAML with a place for everything: nodes are read one by one, and a wrong one is named by line and column.

Nothing is constructed from tags, so a file can't make objects; anchors are refused, so it can't blow up.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import yaml

from alerts.durations import parse_duration
from riskwire.errors import RulesError
from riskwire.log import one_line

MAX_BYTES = 256 * 1024
_MAX_DEPTH = 20
T = TypeVar("T")


class Located:
    """A node with the file it stands in. Readers raise RulesError with `path:line:column`."""

    def __init__(self, path: str, node: yaml.Node) -> None:
        self._path = path
        self.node = node

    def fail(self, what: str, hint: str = "") -> NoReturn:
        """Raise RulesError about this place."""
        raise _error(self._path, self.node.start_mark, what, hint)

    def mapping(self, what: str, known: Sequence[str]) -> dict[str, Located]:
        """Its keys, each one of `known` and there once."""
        pairs = dict(self.pairs(what, known))
        return {key: value for key, (_, value) in pairs.items()}

    def pairs(self, what: str, known: Sequence[str] | None = None) -> Iterator[tuple[str, tuple[Located, Located]]]:
        """(key, (its place, its value)) of a mapping, each key once."""
        if not isinstance(self.node, yaml.MappingNode):
            self.fail(f"{what} is {_kind(self.node)}", "Write it as `key: value` lines.")
        seen: set[str] = set()
        for key_node, value_node in self.node.value:
            place = Located(self._path, key_node)
            key = place.text("a key")
            if known is not None and key not in known:
                close = get_close_matches(key, known, n=1)
                place.fail(
                    f"{_short(key)} is no key of {what}",
                    f"Did you mean {close[0]!r}?" if close else f"It may have: {', '.join(known)}.",
                )
            if key in seen:
                place.fail(f"{_short(key)} is there twice", "Keep one of them.")
            seen.add(key)
            yield key, (place, Located(self._path, value_node))

    def items(self, what: str) -> list[Located]:
        """The entries of a list."""
        if not isinstance(self.node, yaml.SequenceNode):
            self.fail(f"{what} is {_kind(self.node)}", "Write it as a list: `- …` lines, or [a, b].")
        return [Located(self._path, node) for node in self.node.value]

    def text(self, what: str, limit: int = 200) -> str:
        """A string; quotes are needed only where YAML would read something else."""
        if not isinstance(self.node, yaml.ScalarNode):
            self.fail(f"{what} is {_kind(self.node)}, not a text", "Give a single value.")
        if self.node.tag != "tag:yaml.org,2002:str":
            self.fail(f"{what} is {_kind(self.node)}, not a text", f'Put it in quotes: "{_short(self.node.value)}".')
        value = str(self.node.value)
        if not value.strip():
            self.fail(f"{what} is empty", "Give a value, or leave the key out.")
        if len(value) > limit:
            self.fail(f"{what} has {len(value)} characters", f"{limit} are the most.")
        return value

    def choice(self, what: str, choices: Sequence[str]) -> str:
        """One of these words."""
        value = str(self.node.value) if isinstance(self.node, yaml.ScalarNode) else ""
        if value not in choices:
            shown = _short(value) if value else _kind(self.node)
            self.fail(f"{what} is {shown}", f"It can be: {', '.join(choices)}.")
        return value

    def number(self, what: str, low: float, high: float) -> float:
        """A number in low…high."""
        value = math.nan
        if isinstance(self.node, yaml.ScalarNode) and self.node.style is None:
            try:
                value = float(self.node.value)
            except ValueError:
                value = math.nan
        if math.isnan(value):
            self.fail(f"{what} is {_kind(self.node)}, not a number", f"Give a number from {low:g} to {high:g}.")
        if not low <= value <= high:
            self.fail(f"{what} is {value:g}", f"It goes from {low:g} to {high:g}.")
        return value

    def whole(self, what: str, low: int, high: int) -> int:
        """A whole number in low…high."""
        value = self.number(what, low, high)
        if value != int(value):
            self.fail(f"{what} is {value:g}", "Give a whole number.")
        return int(value)

    def flag(self, what: str) -> bool:
        """true or false."""
        return self.choice(what, ("true", "false")) == "true"

    def duration(self, what: str, low: timedelta, high: timedelta, limits: str) -> timedelta:
        """A duration such as 30m."""
        try:
            value = parse_duration(str(self.node.value) if isinstance(self.node, yaml.ScalarNode) else "")
        except ValueError:
            shown = _short(self.node.value) if isinstance(self.node, yaml.ScalarNode) else _kind(self.node)
            self.fail(f"{what} is {shown}, which is no duration", "Write it like 90s, 30m, 6h, 2d or 1h30m.")
        if not low <= value <= high:
            self.fail(f"{what} is {_short(str(self.node.value))}", f"It goes from {limits}.")
        return value

    def many(self, what: str, one: Callable[[Located], T]) -> tuple[T, ...]:
        """A list of values without repeats, or a single one."""
        nodes = self.items(what) if isinstance(self.node, yaml.SequenceNode) else [self]
        if not nodes:
            self.fail(f"{what} is an empty list", "Name at least one, or leave the key out.")
        return tuple(dict.fromkeys(one(node) for node in nodes))


def compose(path: Path) -> Located:
    """The root of a YAML file. Raises RulesError."""
    shown = str(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise RulesError("is not there", about=shown, hint="Give the path of an existing file.") from None
    except OSError as error:
        raise RulesError("can't be read", about=shown) from error
    if len(data) > MAX_BYTES:
        raise RulesError(f"is larger than {MAX_BYTES // 1024} KiB", about=shown, hint="Is it a rules file?")
    return compose_text(shown, data)


def compose_text(path: str, data: bytes) -> Located:
    """The same from bytes; `path` is what errors name."""
    try:
        text = data.decode("utf-8-sig")
        _look_through(path, text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        raise RulesError(f"is not UTF-8 text (byte {error.start})", about=path) from None
    except yaml.MarkedYAMLError as error:
        # A key without its colon is noticed on the next line: there the context is the place.
        in_context = error.context_mark is not None and "simple key" in (error.context or "")
        mark = error.context_mark if in_context else error.problem_mark or error.context_mark
        what = f"is not valid YAML: {one_line(error.problem or 'can not be read')}"
        raise _error(path, mark, what, "Mind the indentation, colons and quotes.") from None
    except yaml.YAMLError as error:
        raise RulesError(f"is not valid YAML: {one_line(str(error).splitlines()[0])}", about=path) from None
    if node is None:
        raise RulesError("is empty", about=f"{path}:1:1", hint="Write at least `rules: []`.")
    return Located(path, node)


def _look_through(path: str, text: str) -> None:
    """Refuse what could blow up, before anything is built: anchors, tags, depth, several documents."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _error(path, event.start_mark, "anchors and aliases are not read", "Write it out in full.")
        if getattr(event, "tag", None):
            raise _error(path, event.start_mark, "tags are not read", "Remove the `!…`.")
        documents += isinstance(event, yaml.DocumentStartEvent)
        if documents > 1:
            raise _error(path, event.start_mark, "a second document begins", "Keep one: remove the `---`.")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MAX_DEPTH:
            raise _error(path, event.start_mark, "is nested too deeply", f"{_MAX_DEPTH} levels are the most.")


def _error(path: str, mark: Any, what: str, hint: str) -> RulesError:
    where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark is not None else path
    return RulesError(what, about=where, hint=hint)


def _short(value: str) -> str:
    return repr(value if len(value) <= 60 else value[:60] + "…")


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    names = {"int": "a number", "float": "a number", "bool": "true or false", "null": "empty", "timestamp": "a date"}
    return names.get(node.tag.rpartition(":")[2], f"the text {_short(str(node.value))}")
