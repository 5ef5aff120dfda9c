"""Month names as feeds write them, in lower case and without a final dot. Data only.

English, German, French, Spanish, Italian, Portuguese and Dutch stand in one table: no name means two months, so the
feed's language need not be known (it is often declared wrongly).
"""

from __future__ import annotations

_ENGLISH = (
    "jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july", "aug august",
    "sep sept september", "oct october", "nov november", "dec december",
)  # fmt: skip
_OTHERS = (
    "jän jänner januar janv janvier ene enero gen gennaio janeiro januari",
    "februar fév févr février fev fevr febrero febbr febbraio fevereiro februari",
    "mär mrz märz maerz mars marzo março marco mrt maart",
    "avr avril abr abril aprile",
    "mai mayo mag maggio maio mei",
    "juni juin junio giu giugno junho",
    "juli juil juillet julio lug luglio julho",
    "août aout ago agosto augustus",
    "septembre septiembre setiembre set sett settembre setembro",
    "okt oktober octobre octubre ott ottobre out outubro",
    "novembre noviembre novembro",
    "dez dezember déc décembre dic diciembre dicembre dezembro",
)


def _numbered(rows: tuple[str, ...]) -> dict[str, int]:
    return {name: number for number, names in enumerate(rows, start=1) for name in names.split()}


#: The standards' own: a date with one of these may be `stated`.
ENGLISH = _numbered(_ENGLISH)
#: Every name that is known.
MONTHS = {**_numbered(_OTHERS), **ENGLISH}
#: The first three letters of English weekdays, Monday first.
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
