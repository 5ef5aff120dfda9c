"""ORG or ASSET? The word list that decides it for SEntFiN's mentions, which carry no entity group.

About a third of them are no company: an index, metal, currency, crop, bond, sector or market. The rules, in order:
a known asset name; a last word that only assets have ("PSU banks", "Asian shares"); nothing but lower case
(a company name is not written so, with the exceptions below). Places spoken of as markets stay undecided (None).
"""

from __future__ import annotations

from typing import Final

_INDICES = """nifty sensex cnx ftse dow nasdaq nikkei dax cac msci hangseng kospi stoxx topix vix bse-sensex nifty50 s&p
"""
_CURRENCIES = """rupee rupees dollar dollars euro euros yen yuan renminbi pound sterling won rupiah ringgit rouble ruble
baht peso franc real rand lira shekel forex fx greenback aussie loonie kiwi krona bitcoin ethereum crypto inr usd eur
gbp jpy cny"""
_COMMODITIES = """gold silver copper nickel zinc lead aluminium aluminum tin platinum palladium bullion metal metals oil
crude brent wti gas petrol diesel coal steel iron sugar wheat corn maize soybean soyabean soya cotton rubber coffee tea
cocoa rice paddy turmeric jeera cumin coriander chana guar pepper cardamom chilli mentha barley potato soyoil mustard
castor castorseed refsoya dal pulses tur urad moong copra palmolein oilseed oilseeds oilmeals grains foodgrain
commodity commodities lng uranium lithium diamond onion milk cpo"""
_SECTORS = """banks bankers pharma auto autos fmcg it realty telecom telecoms infra infrastructure psu psus psbs nbfcs
midcap midcaps mid-cap mid-caps smallcap smallcaps small-cap small-caps largecap largecaps large-cap large-caps
bluechips blue-chips cyclicals defensives financials utilities energy power tech techs technology retail retailers
cement mining miners airlines aviation media healthcare consumption property construction banking bse500 omcs
equity equities stock stocks share shares market markets bourses street bond bonds gilts gilt g-secs gsecs gsec
treasuries treasury t-bills yields debt futures mutual funds fiis adrs ipos ipo"""
_LAST = """stocks stock shares share markets market bonds bond futures equities sector sectors space companies cos firms
makers banks funds index indices currencies commodities exporters importers refiners majors players dollar dollars yuan
rupee yen euro pound sterling oil oils gold silver copper sugar crude gas yields gilts notes etf etfs vix cap caps
midcap midcaps smallcap largecap fx forex assets industry street bourses psus nbfcs adrs indexes ancillaries debt seed
rouble ruble rupiah ringgit peso franc lira krona baht won"""
_PHRASES: Final = frozenset(
    {
        "wall street",
        "dalal street",
        "d-street",
        "india inc",
        "s&p 500",
        "s&p500",
        "dow jones",
        "hang seng",
        "bank nifty",
        "nifty bank",
        "cnx it",
        "cnx nifty",
        "bse midcap",
        "bse it",
        "bse bankex",
        "bse sensex",
        "real estate",
        "capital goods",
        "consumer durables",
        "oil & gas",
        "oil and gas",
        "crude palm oil",
        "asia fx",
        "base metals",
        "precious metals",
        "private banks",
        "psu banks",
        "fixed income",
        "mutual funds",
        "natural gas",
        "iron ore",
        "palm oil",
        "black pepper",
        "guar gum",
        "guar seed",
        "10-year bond",
        "crude oil",
        "bse 500",
        "ftse 100",
        "the street",
        "china yuan",
        "us dollar",
        "u.s. dollar",
        "banking sector",
    }
)
_SINGLE: Final = frozenset(" ".join((_INDICES, _CURRENCIES, _COMMODITIES, _SECTORS)).split())
_ENDINGS: Final = frozenset(_LAST.split())
_COMPANIES: Final = frozenset({"oil india", "coal india", "gail gas", "3i", "sbi gold", "mcx gold"})
_COUNTRIES = """
china india asia europe japan us u.s. usa uk germany greece russia brazil france italy spain korea singapore
australia hong kong indonesia thailand taiwan malaysia philippines america
"""
_PLACES: Final = frozenset(_COUNTRIES.split()) | {"hong kong", "south korea", "emerging markets"}


def group_of(mention: str) -> str | None:
    """`ORG`, `ASSET`, or None where the word list can't tell (a place that may stand for its market).

    >>> group_of("PSU banks"), group_of("Nifty"), group_of("Infosys"), group_of("China")
    ('ASSET', 'ASSET', 'ORG', None)
    """
    name = " ".join(mention.casefold().split())
    words = name.split()
    if name in _COMPANIES or ".com" in name or ".in" in name or mention == "OIL":  # OIL is Oil India
        return "ORG"
    if name in _PLACES:
        return None
    if name in _SINGLE or name in _PHRASES or (len(words) > 1 and words[0] in _INDEX_HOUSES):
        return "ASSET"
    titled = all(not word[0].islower() for word in mention.split())
    if len(words) > 1 and words[-1] in _ENDINGS and not (titled and words[-1] in _COMPANY_ENDINGS):
        return "ASSET"
    if len(words) > 1 and titled and words[-1] == "markets":
        return "ORG" if words[-2] == "capital" else "ASSET"
    return "ASSET" if mention == mention.lower() else "ORG"


_INDEX_HOUSES: Final = frozenset({"nifty", "ftse", "msci", "sensex", "cnx"})
_COMPANY_LAST = """
oil oils gas gold silver copper sugar sterling industry cap market markets commodities equities futures won
"""
_COMPANY_ENDINGS: Final = frozenset(_COMPANY_LAST.split())
"""Last words that a company may carry in its name when all words are capitalised ("Hindustan Copper")."""
