"""`rules.yml` → RuleSet. Every mistake is named as `path:line:column: what. What to do`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from alerts.describe import OWN_ANNOTATIONS
from alerts.health import FIELDS as HEALTH_FIELDS
from alerts.health import MEASURES, TROUBLES, Measure, SourceHealthRule, Trouble
from alerts.marks import Located, compose, compose_text
from alerts.rules import SEVERITIES, Aggregate, GroupBy, Matcher, NegativeShare, NotifyPolicy, Rule, RuleSet, Threshold
from alerts.templates import FIELDS, unknown_fields
from riskwire.types import Severity, SourceType

#: The rules that come with the program.
DEFAULT_RULES = Path(__file__).with_name("default_rules.yml")
_MAX_RULES = 1_000
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,79}")
_LABEL = re.compile(r"[a-z_][a-z0-9_]{0,39}")
#: Labels that Riskwire sets, and annotations that it fills in beside the rule's own.
_OWN_LABELS = ("rule", "source", "symbol", "severity")
_OWN_ANNOTATIONS = tuple(sorted(OWN_ANNOTATIONS))

_ALL = ("name", "kind", "for", "keep_firing_for", "severity", "labels", "annotations", "match", "notify")
_STORIES = (*_ALL, "window", "above", "below", "resolve_at", "group_by", "min_documents", "min_sources")
_KEYS = {
    "threshold": (*_STORIES, "aggregate"),
    "negative_share": _STORIES,
    "source_health": (*_ALL, "status", "measure", "above", "resolve_at"),
}
_NOTIFY_KEYS = ("group_by", "group_wait", "group_interval", "repeat_interval", "send_resolved")
_MATCH_KEYS = ("symbols", "sources", "source_types", "min_confidence")

_ZERO, _SECOND, _MINUTE, _WEEK, _MONTH = (
    timedelta(0), timedelta(seconds=1), timedelta(minutes=1), timedelta(days=7), timedelta(days=31),
)  # fmt: skip


def load_rules(path: Path | None = None) -> RuleSet:
    """The rules of a file, or the default ones. Raises RulesError."""
    return _read(compose(DEFAULT_RULES if path is None else path))


def parse_rules(text: str, path: str = "rules.yml") -> RuleSet:
    """The rules in a text; `path` is what errors name. Raises RulesError."""
    return _read(compose_text(path, text.encode("utf-8", "replace")))


def _read(root: Located) -> RuleSet:
    top = root.mapping("the rules file", ("version", "notify", "rules"))
    if "version" in top:
        top["version"].choice("version", ("1",))
    if "rules" not in top:
        root.fail("has no `rules`", "Write a list of rules under `rules:`.")
    policy = _notify(top["notify"], NotifyPolicy()) if "notify" in top else NotifyPolicy()
    nodes = top["rules"].items("rules")
    if len(nodes) > _MAX_RULES:
        top["rules"].fail(f"has {len(nodes)} rules", f"{_MAX_RULES} are the most.")
    rules: dict[str, Rule] = {}
    for node in nodes:
        rule, name = _rule(node, policy)
        if rule.name in rules:
            name.fail(f"name {rule.name!r} is there twice", "Each rule has a name of its own.")
        rules[rule.name] = rule
    return RuleSet(rules=tuple(rules.values()))


def _rule(node: Located, policy: NotifyPolicy) -> tuple[Rule, Located]:
    first = node.mapping("a rule", tuple(dict.fromkeys(key for keys in _KEYS.values() for key in keys)))
    for key in ("name", "kind"):
        if key not in first:
            node.fail(f"has no `{key}`", f"Each rule has a name and a kind ({', '.join(_KEYS)}).")
    kind = first["kind"].choice("kind", tuple(_KEYS))
    keys = node.mapping(f"a rule of the kind {kind}", _KEYS[kind])
    name = keys["name"].text("name")
    if not _NAME.fullmatch(name):
        keys["name"].fail(f"name {name!r} can't be used", "Use a-z, 0-9, `-`, `_` and `.`, 80 at most.")
    fields = HEALTH_FIELDS if kind == "source_health" else FIELDS
    common: dict[str, Any] = {
        "name": name,
        "hold": _duration(keys, "for", _MONTH, "0s to 31d"),
        "keep_firing_for": _duration(keys, "keep_firing_for", _MONTH, "0s to 31d"),
        "severity": cast(Severity, _choice(keys, "severity", SEVERITIES, "warning")),
        "labels": _texts(keys.get("labels"), "labels", _OWN_LABELS),
        "annotations": _texts(keys.get("annotations"), "annotations", _OWN_ANNOTATIONS, fields),
        "notify": _notify(keys["notify"], policy) if "notify" in keys else policy,
    }
    if kind == "source_health":
        return SourceHealthRule(**common, **_health(keys)), keys["name"]
    return _story_rule(kind, node, keys, common), keys["name"]


def _story_rule(kind: str, node: Located, keys: Mapping[str, Located], common: dict[str, Any]) -> Rule:
    if "window" not in keys:
        node.fail("has no `window`", "Say how far back it looks, like `window: 2h`.")
    common |= {
        "window": keys["window"].duration("window", _MINUTE, _WEEK, "1m to 7d"),
        "min_documents": _whole(keys, "min_documents"),
        "min_sources": _whole(keys, "min_sources"),
        "group_by": cast(GroupBy, _choice(keys, "group_by", ("symbol", "market"), "symbol")),
        "match": _match(keys["match"]) if "match" in keys else Matcher(),
    }
    if kind == "negative_share":
        return NegativeShare(**common, **_limits(node, keys, 0, 1))
    aggregate = cast(Aggregate, _choice(keys, "aggregate", ("mean", "min", "max", "count"), "mean"))
    low, high = (0, 1_000_000) if aggregate == "count" else (-1, 1)
    return Threshold(**common, aggregate=aggregate, **_limits(node, keys, low, high))


def _health(keys: Mapping[str, Located]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "match" in keys:
        match = keys["match"].mapping("match of a rule about sources", ("sources",))
        if "sources" in match:
            found["sources"] = match["sources"].many("sources", lambda one: one.text("a source"))
    if "measure" not in keys:
        for key in ("above", "resolve_at"):
            if key in keys:
                keys[key].fail(
                    f"{key} has no measure", f"Say of what: `measure: {MEASURES[0]}` ({', '.join(MEASURES)})."
                )
        if "status" in keys:
            statuses = keys["status"].many("status", lambda one: cast(Trouble, one.choice("a status", TROUBLES)))
            found["statuses"] = tuple(status for status in TROUBLES if status in statuses)
        return found
    if "status" in keys:
        keys["status"].fail("status and measure are two rules", "Write one rule for each.")
    measure = found["measure"] = cast(Measure, keys["measure"].choice("measure", MEASURES))
    if "above" not in keys:
        keys["measure"].fail("measure has no threshold", "Give `above`, the value at which it starts.")
    low, high = {"failures": (3, 10_000), "lateness": (60, 31 * 86_400)}.get(measure, (0.05, 1))
    return found | _limits(keys["measure"], keys, low, high)


def _limits(node: Located, keys: Mapping[str, Located], low: float, high: float) -> dict[str, Any]:
    given = [key for key in ("above", "below") if key in keys]
    if len(given) != 1:
        node.fail("has both `above` and `below`" if given else "has no threshold", "Give either `above` or `below`.")
    side = given[0]
    limits: dict[str, Any] = {side: keys[side].number(side, low, high)}
    if "resolve_at" in keys:
        back = limits["resolve_at"] = keys["resolve_at"].number("resolve_at", low, high)
        if (back < limits[side]) if side == "below" else (back > limits[side]):
            beyond = "under" if side == "below" else "over"
            keys["resolve_at"].fail(
                f"resolve_at {back:g} lies {beyond} the threshold {limits[side]:g}",
                "It is the value at which the alert is over: on the calm side of the threshold.",
            )
    return limits


def _match(node: Located) -> Matcher:
    keys = node.mapping("match", _MATCH_KEYS)
    found: dict[str, Any] = {}
    if "symbols" in keys:
        found["symbols"] = keys["symbols"].many("symbols", lambda one: one.text("a symbol", 40).upper())
    if "sources" in keys:
        found["sources"] = keys["sources"].many("sources", lambda one: one.text("a source"))
    if "source_types" in keys:
        kinds = ("news", "social", "filing")
        found["source_types"] = keys["source_types"].many(
            "source_types", lambda one: cast(SourceType, one.choice("a source type", kinds))
        )
    if "min_confidence" in keys:
        found["min_confidence"] = keys["min_confidence"].number("min_confidence", 0, 1)
    return Matcher(**found)


def _notify(node: Located, policy: NotifyPolicy) -> NotifyPolicy:
    keys = node.mapping("notify", _NOTIFY_KEYS)
    found: dict[str, Any] = {
        "group_by": policy.group_by,
        "group_wait": policy.group_wait,
        "group_interval": policy.group_interval,
        "repeat_interval": policy.repeat_interval,
        "send_resolved": policy.send_resolved,
    }
    if "group_by" in keys:
        found["group_by"] = keys["group_by"].many("group_by", _label)
    if "group_wait" in keys:
        found["group_wait"] = keys["group_wait"].duration("group_wait", _ZERO, timedelta(hours=1), "0s to 1h")
    if "group_interval" in keys:
        found["group_interval"] = keys["group_interval"].duration("group_interval", _SECOND, _WEEK, "1s to 7d")
    if "repeat_interval" in keys:
        found["repeat_interval"] = keys["repeat_interval"].duration("repeat_interval", _MINUTE, _MONTH, "1m to 31d")
    if "send_resolved" in keys:
        found["send_resolved"] = keys["send_resolved"].flag("send_resolved")
    return NotifyPolicy(**found)


def _label(node: Located) -> str:
    name = node.text("a label", 40)
    if not _LABEL.fullmatch(name):
        node.fail(f"label {name!r} can't be used", "Use a-z, 0-9 and `_`, and begin with a letter.")
    return name


def _texts(
    node: Located | None, what: str, own: tuple[str, ...], fields: tuple[str, ...] | None = None
) -> dict[str, str]:
    """Free texts by name; with `fields`, those that they may name in braces."""
    if node is None:
        return {}
    found = {}
    for key, (place, value) in node.pairs(what):
        if not _LABEL.fullmatch(key):
            place.fail(f"{key!r} can't be used in {what}", "Use a-z, 0-9 and `_`, and begin with a letter.")
        if key in own:
            place.fail(f"{key!r} is set by Riskwire itself", "Take another name.")
        found[key] = value.text(f"{what[:-1]} {key!r}", 1_000)
        if fields and (wrong := unknown_fields(found[key], fields)):
            value.fail(f"{{{wrong[0]}}} is no field", f"There are: {', '.join(f'{{{field}}}' for field in fields)}.")
    if len(found) > 30:
        node.fail(f"has {len(found)} {what}", "30 are the most.")
    return found


def _whole(keys: Mapping[str, Located], key: str) -> int:
    return keys[key].whole(key, 1, 100_000) if key in keys else 1


def _duration(keys: Mapping[str, Located], key: str, high: timedelta, limits: str) -> timedelta:
    return keys[key].duration(key, _ZERO, high, limits) if key in keys else _ZERO


def _choice(keys: Mapping[str, Located], key: str, choices: tuple[str, ...], default: str) -> str:
    return keys[key].choice(key, choices) if key in keys else default
