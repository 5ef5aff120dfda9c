"""Which texts are of the kinds that models get wrong. Told from the words, and the labels where mentions conflict.

A slice is a sieve, not a judgement: it finds the texts where a figure of its own is worth having.
"""

from __future__ import annotations

import re
from typing import Final

from models.corpora.items import Item

_NEGATION = re.compile(
    r"\b(?:no|not|never|none|nor|neither|without|cannot|fails? to|failed to|den(?:y|ies|ied))\b|n['’]t\b"
)
_BURDEN = r"(?:loss(?:es)?|deficit|debts?|costs?|expenses|write-?downs?|bad loans|npas?)"
_LESS = (
    r"(?:narrow|shr[iau]nk|eas|halv|trim|reduc|decreas|declin|less|lower|smaller|cut|fall|fell|drop|down|swing|stem)\w*"
)
_LOSS_NARROWS = re.compile(rf"\b{_BURDEN}\b.{{0,40}}\b{_LESS}|\b{_LESS}\b.{{0,25}}\b{_BURDEN}\b")
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d[\d,.]*")
_SLANG = re.compile(
    r"[🚀🌙🌕💎🙌📈📉🤑🔥🐂🐻]|\b(?:moon\w*|bull(?:s|ish)?|bear(?:s|ish)?|calls|puts|long|longs|short|shorts|shorting|"
    r"squeeze|hodl|yolo|rekt|bag ?holders?|dip|pump\w*|dump\w*|tank\w*|rip\w*|lol|lmao|wtf|btfd|breakout|to the moon)\b"
)

SLICES: Final = ("negation", "loss_narrows", "numbers", "social_slang", "conflicting")


def slices_of(item: Item) -> frozenset[str]:
    """Names out of `SLICES`.

    >>> sorted(slices_of(Item("x", "Net loss narrowed to EUR 3 mn from EUR 5 mn")))
    ['loss_narrows', 'numbers']
    """
    text = item.text.casefold()
    found = {
        "negation": bool(_NEGATION.search(text)),
        "loss_narrows": bool(_LOSS_NARROWS.search(text)),
        "numbers": len(_NUMBER.findall(text)) >= 2,
        "social_slang": item.kind == "post" and bool(_SLANG.search(text)),
        "conflicting": len({span.sentiment for span in item.spans if span.sentiment}) > 1,
    }
    return frozenset(name for name, here in found.items() if here)
