"""Zone abbreviations in feeds, in hours from UTC. Data only."""

from __future__ import annotations

#: One meaning each, or one that RFC 822 fixes.
FIXED: dict[str, float] = {
    "Z": 0, "UT": 0, "UTC": 0, "GMT": 0, "WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2, "EET": 2,
    "EEST": 3, "MSK": 3, "SAST": 2, "EST": -5, "EDT": -4, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
    "AKST": -9, "AKDT": -8, "HST": -10, "BRT": -3, "ART": -3, "HKT": 8, "SGT": 8, "PHT": 8, "AWST": 8, "JST": 9,
    "KST": 9, "WIB": 7, "ICT": 7, "ACST": 9.5, "ACDT": 10.5, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13,
    "PKT": 5, "NPT": 5.75,
}  # fmt: skip
#: Spoken zones whose offset depends on the season.
CIVIL: dict[str, str] = {
    "ET": "America/New_York",
    "CT": "America/Chicago",
    "MT": "America/Denver",
    "PT": "America/Los_Angeles",
}
#: Several meanings; the likeliest of a financial feed first. It counts as repaired unless the feed's `zone` decides.
AMBIGUOUS: dict[str, tuple[float, ...]] = {
    "BST": (1, 6),  # British summer, Bangladesh
    "CST": (-6, 8),  # US central (as in RFC 822), China
    "IST": (5.5, 1, 2),  # India, Ireland, Israel
    "GST": (4, -2),  # Gulf, South Georgia
    "AST": (-4, 3),  # Atlantic, Arabia
    "ADT": (-3, 4),
    "SST": (8, -11),  # Singapore, Samoa
}
#: A feed in one of these languages writes its clock, where it names no zone or an ambiguous one. Only where a language
#: (and country) has one zone, or nearly so.
BY_LANGUAGE: dict[str, str] = {
    "zh-cn": "Asia/Shanghai", "zh-hans": "Asia/Shanghai", "zh": "Asia/Shanghai", "zh-hk": "Asia/Hong_Kong",
    "zh-tw": "Asia/Taipei", "zh-hant": "Asia/Taipei", "ja": "Asia/Tokyo", "ko": "Asia/Seoul", "en-gb": "Europe/London",
    "en-ie": "Europe/Dublin", "en-in": "Asia/Kolkata", "en-hk": "Asia/Hong_Kong", "en-sg": "Asia/Singapore",
    "en-nz": "Pacific/Auckland", "de": "Europe/Berlin", "it": "Europe/Rome", "nl": "Europe/Amsterdam",
    "fr-fr": "Europe/Paris", "es-es": "Europe/Madrid", "pt-pt": "Europe/Lisbon", "pt-br": "America/Sao_Paulo",
}  # fmt: skip
