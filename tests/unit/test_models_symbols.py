"""Linking: exact names, cashtags and exchanges; everything else says why not."""

from pathlib import Path

import pytest

from models.gazetteer import read_csv, symbol_of
from models.symbols import SymbolLinker, base_key, name_key
from riskwire.errors import InputError
from riskwire.types import EntityGroup, EntityMention, Sentiment

NEUTRAL = Sentiment(
    label="neutral", confidence=1.0, probabilities={"positive": 0.0, "neutral": 1.0, "negative": 0.0}, score=0.0
)


@pytest.fixture(scope="module")
def linker() -> SymbolLinker:
    return SymbolLinker.default()


def mention(text: str, name: str, group: EntityGroup = "ORG") -> EntityMention:
    start = text.index(name)
    return EntityMention(
        entity_group=group, text=name, start=start, end=start + len(name), confidence=0.9, sentiment=NEUTRAL
    )


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("Apple", "AAPL"),
        ("Apple Inc.", "AAPL"),
        ("Apple Inc", "AAPL"),
        ("Alphabet", "GOOGL"),
        ("Google", "GOOGL"),
        ("Berkshire Hathaway", "BRK.B"),
        ("Infosys", "XNSE:INFY"),
        ("Nokia", "XHEL:NOKIA"),
        ("Nokia Oyj", "XHEL:NOKIA"),
        ("Ericsson", "XSTO:ERIC.B"),
        ("Nestle", "XSWX:NESN"),
        ("Nestlé", "XSWX:NESN"),
        ("Toyota", "XTKS:7203"),
        ("AT&T", "T"),
        ("H&M", "XSTO:HM.B"),
        ("Johnson & Johnson", "JNJ"),
        ("The Coca-Cola Company", "KO"),
        ("JPMorgan Chase & Co.", "JPM"),
        ("Unilever", "XLON:ULVR"),
        ("AstraZeneca", "XLON:AZN"),
        ("ASML", "XAMS:ASML"),
        ("Airbus", "XPAR:AIR"),
        ("Elis", "XPAR:ELIS"),
        ("Elisa", "XHEL:ELISA"),
        ("BP", "XLON:BP"),
        ("3M", "MMM"),
        ("Target Corp", "TGT"),
        ("Target Corporation", "TGT"),
        ("Gap Inc.", "GAP"),
        ("Merck & Co.", "MRK"),
        ("Merck KGaA", "XETR:MRK"),
        ("INFOSYS", "XNSE:INFY"),
    ],
)
def test_exact_names_are_linked(linker: SymbolLinker, name: str, symbol: str) -> None:
    assert linker.resolve(name, 0, len(name)) == (symbol, None)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Target", "ambiguous"),  # an everyday word
        ("Gap", "ambiguous"),
        ("Block", "ambiguous"),
        ("Next", "ambiguous"),
        ("Merck", "ambiguous"),  # two companies
        ("SoftBank", "ambiguous"),
        ("bp", "unknown"),  # a basis point
        ("Appl", "unknown"),
        ("Apple Hospital Trust of Nowhere", "unknown"),
        ("MRK", "unknown"),  # a bare ticker is no evidence
        ("ON", "unknown"),
        ("Inc.", "unknown"),
        ("Co", "unknown"),
        ("The", "unknown"),
        ("SEC", "unknown"),
    ],
)
def test_what_is_not_certain_says_why(linker: SymbolLinker, name: str, reason: str) -> None:
    assert linker.resolve(name, 0, len(name)) == (None, reason)


@pytest.mark.parametrize("group", ["PER", "LOC", "ASSET"])
def test_only_organisations_have_symbols(linker: SymbolLinker, group: EntityGroup) -> None:
    text = "Apple rises"
    linked = linker.link(text, [mention(text, "Apple", group)])[0]
    assert (linked.symbol, linked.unlinked_reason) == (None, "not_a_company")


@pytest.mark.parametrize(
    ("text", "name", "symbol"),
    [
        ("Foo Holdings (NASDAQ: ABC, a leading maker) rose", "Foo Holdings", "ABC"),
        ("Foo Holdings (NYSE:BRK-B) rose", "Foo Holdings", "BRK.B"),
        ("Foo Holdings Inc. (NYSE: FOO) rose", "Foo Holdings", "FOO"),
        ("Merck's (NYSE: MRK) drug", "Merck", "MRK"),
        ("Bar plc (LSE: BAR) fell", "Bar plc", "XLON:BAR"),
        ("Baz [TSX: BAZ.A] fell", "Baz", "XTSE:BAZ.A"),
        ("shares (NYSE: MRK) fell", "MRK", "MRK"),
        ("Target (NYSE: TGT) fell", "Target", "TGT"),
    ],
)
def test_an_exchange_in_brackets_decides(linker: SymbolLinker, text: str, name: str, symbol: str) -> None:
    start = text.index(name)
    assert linker.resolve(text, start, start + len(name)) == (symbol, None)


def test_lower_case_after_the_exchange_is_no_ticker(linker: SymbolLinker) -> None:
    text = "Foo (NASDAQ: a leading maker)"
    assert linker.resolve(text, 0, 3) == (None, "unknown")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("$TSLA and $aapl up", ["$TSLA", "$aapl"]),
        ("costs $100 or $5bn", []),
        ("$ZZZZZ is not listed", []),
        ("US$TSLA x$TSLA", []),
        ("$BRK.B, $BRK-B", ["$BRK.B", "$BRK-B"]),
        ("$A is Agilent, $a is not", ["$A"]),
        ("$TSLAX", []),
        ("SWBD and WBD", []),
        ("($MSFT)", ["$MSFT"]),
    ],
)
def test_cashtags_are_found_only_where_known(linker: SymbolLinker, text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in linker.cashtags(text)] == found


def test_a_cashtag_mention_is_linked_with_or_without_its_sign(linker: SymbolLinker) -> None:
    text = "long $TGT here"
    assert linker.resolve(text, 5, 9) == ("TGT", None)
    assert linker.resolve(text, 6, 9) == ("TGT", None)


def test_a_receipt_points_to_its_company(linker: SymbolLinker) -> None:
    assert linker.resolve("$NOK", 0, 4) == ("XHEL:NOKIA", None)


def test_mentions_keep_their_order_and_everything_else(linker: SymbolLinker) -> None:
    text = "Apple sues Nokia in Helsinki"
    given = [mention(text, "Nokia"), mention(text, "Helsinki", "LOC"), mention(text, "Apple")]
    linked = linker.link(text, given)
    assert [entity.text for entity in linked] == ["Nokia", "Helsinki", "Apple"]
    assert [entity.symbol for entity in linked] == ["XHEL:NOKIA", None, "AAPL"]
    assert [(entity.start, entity.confidence, entity.sentiment) for entity in linked] == [
        (entity.start, entity.confidence, entity.sentiment) for entity in given
    ]


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("Coop", "coop"), ("AMBA", "amba"), ("Foo Co. Ltd.", "foo"), ("Foo S.A.", "foo"),
        ("Foo (UK) Holdings plc", "foo uk"),
        ("Group Holdings Inc", "group"), ("Deere & Company", "deere"), ("The Gap", "gap"),
    ],
)  # fmt: skip
def test_legal_forms_go_but_never_the_whole_name(name: str, base: str) -> None:
    assert base_key(name) == base


def test_keys_forget_case_accents_and_punctuation() -> None:
    assert name_key("Société Générale S.A.") == name_key("SOCIETE GENERALE SA")
    assert name_key("McDonald's") == name_key("McDonald’s") == name_key("mcdonalds")


def test_tickers_are_written_our_way() -> None:
    assert symbol_of("BRK-B") == "BRK.B"
    assert symbol_of("novo-b.co") == "XCSE:NOVO.B"
    assert symbol_of("AIR.PA.DE") == "XPAR:AIR"


def test_a_users_list_wins(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("symbol,name,mic,aliases\nown,Apple Inc,XLON,Pear;Quince\nGRV,Grove Tools,,\n", encoding="utf-8")
    linker = SymbolLinker.default([path])
    assert linker.resolve("Apple", 0, 5) == ("XLON:OWN", None)
    assert linker.resolve("Quince", 0, 6) == ("XLON:OWN", None)
    assert linker.resolve("$GRV", 0, 4) == ("GRV", None)
    assert linker.resolve("Nokia", 0, 5) == ("XHEL:NOKIA", None)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("ticker,company\nA,B\n", "columns symbol and name"),
        ("symbol,name\nA,\n", "without symbol or name"),
        ("", "columns"),
    ],
)
def test_a_wrong_list_is_refused(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "wrong.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=says):
        read_csv(path)


def test_a_missing_or_binary_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't read symbols"):
        read_csv(tmp_path / "none.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00symbol,name")
    with pytest.raises(InputError, match="can't read symbols"):
        read_csv(tmp_path / "binary.csv")
