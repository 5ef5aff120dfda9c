"""Texts of a rule with fields such as `{symbol}`. Plain substitution of fixed names, once: no expressions, no
attributes, and what is filled in is never looked at again, so a headline with braces stays as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

#: What an annotation of a rule about stories may name.
FIELDS = ("symbol", "company", "value", "threshold", "n", "sources", "window", "rule", "severity")
_FIELD = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def unknown_fields(template: str, fields: Sequence[str]) -> list[str]:
    """The names in braces that are none of the fields."""
    return [name for name in _FIELD.findall(template) if name not in fields]


def fill(template: str, values: Mapping[str, str]) -> str:
    """The template with its fields filled in."""
    return _FIELD.sub(lambda match: values.get(match.group(1), match.group(0)), template)
