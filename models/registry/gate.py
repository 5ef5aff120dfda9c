"""May a candidate take the place of what is in production? A pure function of what was measured of both.

- No worse: no guarded figure may fall by more than noise, which is two standard errors of a share p of n texts.
- Better: one of them, or their mean, must rise by more than noise.
- Calibrated: the expected calibration error of each set at most 0.04, or at most 0.01 above production's, or no more
  than chance makes of n texts: about 1/√n, were every confidence right.
- Exact: the fp32 graph says what the trained network says (|Δp| ≤ 1e-4), the quantised one loses at most 2 points,
  and a text scores the same in any batch (|Δp| ≤ 0.01).
- Fast: at least 0.8 times the texts a second, measured side by side.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec

NOISE: Final = 2.0
MAX_ECE: Final = 0.04
MAX_ECE_RISE: Final = 0.01
MAX_PARITY: Final = 1e-4
MAX_QUANTISED_LOSS: Final = 0.02
MAX_BATCH_DP: Final = 0.01
MIN_SPEED: Final = 0.8

_GUARDED: Final = (
    ("story", "accuracy", "n"),
    ("story", "macro_f1", "n"),
    ("mention", "accuracy", "n"),
    ("mention_conflicting", "accuracy", "n"),
    ("mention_found_and_right", "accuracy", "n"),
    ("mention_found_and_right_conflicting", "accuracy", "n"),
    ("spans", "f1", "support"),
)


class Figure(msgspec.Struct, frozen=True):
    """A share (accuracy, F1, calibration error) of `n` texts, mentions or spans."""

    value: float
    n: int

    @property
    def noise(self) -> float:
        """Two standard errors; a share of 0 or 1 of few texts is not certain either."""
        share = (self.value * self.n + 1) / (self.n + 2)
        return NOISE * math.sqrt(share * (1 - share) / (self.n + 2))


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured of one model. `texts` names the held-out texts: two models compare on the same ones only."""

    texts: str
    figures: dict[str, Figure]  # "set part measure"
    ece: dict[str, Figure] = {}  # "set part"
    parity: float | None = None
    batch_dp: float | None = None
    quantised_loss: float | None = None  # the most that a guarded figure lost against fp32
    texts_a_second: float | None = None


class Check(msgspec.Struct, frozen=True):
    """One question of the gate and its answer."""

    name: str
    passed: bool
    found: str


class Verdict(msgspec.Struct, frozen=True):
    """What the gate says."""

    passed: bool
    checks: tuple[Check, ...]

    @property
    def why_not(self) -> str:
        """What did not pass, in words."""
        return "; ".join(f"{check.name}: {check.found}" for check in self.checks if not check.passed)


def figures_of(test: Mapping[str, Any]) -> tuple[dict[str, Figure], dict[str, Figure]]:
    """The guarded figures and calibration errors of an evaluation (set → part → measures, as in a manifest)."""
    figures: dict[str, Figure] = {}
    ece: dict[str, Figure] = {}
    for dataset, parts in sorted(test.items()):
        for part, measure, count in _GUARDED:
            entry = parts.get(part)
            if entry and entry.get(count):
                figures[f"{dataset} {part} {measure}"] = Figure(float(entry[measure]), int(entry[count]))
        for part in ("story", "mention"):
            if (entry := parts.get(part)) and entry.get("n"):
                ece[f"{dataset} {part}"] = Figure(float(entry["ece"]), int(entry["n"]))
    return figures, ece


def judge(candidate: Judged, production: Judged) -> Verdict:
    """The verdict. What was not measured did not pass."""
    if candidate.texts != production.texts:
        found = "the two were judged on different texts; `riskwire model promote --on RECIPE` measures both"
        return Verdict(False, (Check("same texts", False, found),))
    checks = (
        Check("figures", bool(production.figures), f"{len(production.figures)} guarded"),
        _no_worse(candidate, production),
        _better(candidate, production),
        _calibrated(candidate, production),
        _at_most("parity", candidate.parity, MAX_PARITY, "|Δp| of the exported graph"),
        _at_most("quantised", candidate.quantised_loss, MAX_QUANTISED_LOSS, "lost against fp32"),
        _at_most("batch", candidate.batch_dp, MAX_BATCH_DP, "|Δp| between alone and in a batch"),
        _fast(candidate, production),
    )
    return Verdict(all(check.passed for check in checks), checks)


def _no_worse(candidate: Judged, production: Judged) -> Check:
    worse = []
    for name, held in production.figures.items():
        new = candidate.figures.get(name)
        if new is None:
            worse.append(f"{name} was not measured")
        elif new.n != held.n:
            worse.append(f"{name} is of {new.n} instead of {held.n}")
        elif not new.value >= held.value - held.noise:  # not a number is worse, too
            worse.append(f"{name} {new.value:.3f}, was {held.value:.3f} ± {held.noise:.3f}")
    return Check("no worse", not worse, ", ".join(worse) or "on no guarded figure, within noise")


def _better(candidate: Judged, production: Judged) -> Check:
    both = {name: held for name, held in production.figures.items() if name in candidate.figures}
    better = [
        f"{name} {candidate.figures[name].value:.3f}, was {held.value:.3f} ± {held.noise:.3f}"
        for name, held in both.items()
        if candidate.figures[name].value > held.value + held.noise
    ]
    if both and len(both) == len(production.figures):
        rise = sum(candidate.figures[name].value - held.value for name, held in both.items()) / len(both)
        noise = math.sqrt(sum(held.noise**2 for held in both.values())) / len(both)
        if rise > noise:
            better.append(f"the mean rises by {rise:.3f} ± {noise:.3f}")
    return Check("better", bool(better), ", ".join(better) or "on no guarded figure, nor in the mean, beyond noise")


def _calibrated(candidate: Judged, production: Judged) -> Check:
    off = []
    for name, error in candidate.ece.items():
        held = production.ece.get(name)
        allowed = max(MAX_ECE, held.value + MAX_ECE_RISE if held else 0.0, 1 / math.sqrt(error.n))
        if not error.value <= allowed:
            off.append(f"{name} {error.value:.3f}, {allowed:.3f} allowed")
    return Check("calibrated", not off and bool(candidate.ece), ", ".join(off) or "expected calibration error")


def _at_most(name: str, found: float | None, limit: float, what: str) -> Check:
    if found is None or not math.isfinite(found):
        return Check(name, False, f"{what} was not measured")
    return Check(name, found <= limit, f"{found:.1e} {what}, {limit:.0e} allowed")


def _fast(candidate: Judged, production: Judged) -> Check:
    if not candidate.texts_a_second or not production.texts_a_second:
        return Check("speed", False, "was not measured")
    ratio = candidate.texts_a_second / production.texts_a_second
    return Check("speed", ratio >= MIN_SPEED, f"{ratio:.2f} times production's, {MIN_SPEED} demanded")
