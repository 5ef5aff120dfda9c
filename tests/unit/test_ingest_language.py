"""Which language: by script, by detector, by declaration; and never a story lost because it is full of names."""

from pathlib import Path

import pytest

from ingest.documents.language import by_script, detect, with_language
from riskwire.testing import a_document
from stream.scoring import why_unscored

DATA = Path(__file__).parents[1] / "data" / "language" / "headlines.tsv"
HEADLINES = [
    tuple(line.split("\t")) for line in DATA.read_text(encoding="utf-8").splitlines() if not line.startswith("#")
]
FOREIGN = [(language, text) for language, text in HEADLINES if language != "en"]


def base(language: str | None) -> str:
    return (language or "").partition("-")[0]


def test_foreign_headlines_are_told_without_any_declaration() -> None:
    wrong = [(language, found, text) for language, text in FOREIGN if (found := base(detect(text))) != language]
    # What is not sure is None: never another language.
    assert [row for row in wrong if row[1]] == []
    assert len(wrong) <= 0.03 * len(FOREIGN), wrong


def test_a_blog_that_declares_english_by_default_does_not_fool_it() -> None:
    missed = [text for language, text in FOREIGN if base(detect(text, "en-US")) != language]
    assert len(missed) <= 0.04 * len(FOREIGN), missed


def test_a_right_declaration_stands() -> None:
    assert [text for language, text in FOREIGN if detect(text, language) != language] == []
    assert detect("Bundesbank warnt vor steigenden Risiken am Immobilienmarkt", "de_AT") == "de-at"


@pytest.mark.parametrize(
    "text",
    [
        "Velloran Motors raises outlook",
        "Société Générale, Crédit Agricole and BNP Paribas face EU probe",
        "Banco Santander, Itaú Unibanco upgraded to buy",
        "Petrobras CEO resigns",
        "BRIEF-Maruti Suzuki Dec total sales up 7 pct",
        "Deutsche Börse AG, Clearstream Holding AG, Eurex Frankfurt AG",
        "AAPL +5%",
        "$TSLA $NVDA 🚀🚀",
        "Update",
        "",
        "1,234.5",
        "https://e.org/der-die-das-und-nicht",
    ],
)
def test_english_full_of_names_is_not_called_foreign(text: str) -> None:
    assert base(detect(text)) in ("", "en")
    assert detect(text, "en-gb") == "en-gb"


@pytest.mark.parametrize("declared", [None, "en-us", "de"])
def test_plain_english_needs_no_detector(declared: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.documents.language._detector", None)
    text = "Harbour Mills raises its outlook after a strong quarter and says that “more” will follow this year"
    assert base(detect(text, declared)) == "en"


@pytest.mark.parametrize("declared", [None, "en"])
@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("fr", "Le film « The Price and the Stake » sort mercredi dans les salles, a indiqué le distributeur lundi"),
        (
            "de",
            "Der Film «The Rise and Fall of the House» läuft ab Donnerstag in den Kinos, sagte der Verleih am Montag",
        ),
        ("es", "La película «The Price and the Stake» se estrena el miércoles en los cines, informó la distribuidora"),
    ],
)
def test_an_english_title_makes_no_english_text(language: str, text: str, declared: str | None) -> None:
    assert base(detect(text, declared)) in (language, declared or "")


def test_a_declaration_is_a_hint_not_the_truth() -> None:
    english = "The central bank kept interest rates unchanged and said that inflation had slowed"
    assert detect(english, "de") == "en"
    assert detect(english, "en-gb") == "en-gb"
    assert detect(english) == "en"
    assert detect("Harbour Mills", "de") == "de"  # nothing to contradict it with
    assert detect(english, "klingon!") == "en"
    assert detect("银行周一关闭 Apple", "en") == "zh"


@pytest.mark.parametrize(
    ("text", "declared", "language"),
    [
        ("央行维持利率不变", "", "zh"),
        ("Orvane 上调全年营收预期", "", "zh"),
        ("NYSE前のCNBCは休み", "", "ja"),
        ("東京株式市場", "ja", "ja"),
        ("삼성전자 실적", "", "ko"),
        ("Нацбанк залишив облікову ставку", "", "uk"),
        ("Банк снизил ставку", "", "ru"),
        ("Банк снизил ставку", "bg", "bg"),
        ("بانک مرکزی نرخ را پایین آورد", "", "fa"),
        ("البنك المركزي", "", "ar"),
        ("Apple 苹果 falls after the results", "", None),
        ("Ｆｕｌｌｗｉｄｔｈ words", "", None),
        ("", "", None),
        ("12345 !?", "", None),
    ],
)
def test_scripts(text: str, declared: str, language: str | None) -> None:
    assert by_script(text, declared) == language


def test_a_story_gets_its_language_and_a_removal_stays_as_it_is() -> None:
    german = a_document(title="Aktien schließen im Minus, Anleger warten", summary="", language=None)
    assert with_language(german).language == "de"
    only_body = a_document(title="", summary="", content="Le bénéfice net recule de 12 % au troisième trimestre")
    assert with_language(only_body).language == "fr"
    removed = a_document(title="", summary="", language="en", removed=True)
    assert with_language(removed) is removed


@pytest.mark.parametrize(
    ("text", "language", "languages", "reason"),
    [
        ("The bank closes", "de", ("en", "de"), None),
        ("The bank closes", "de-at", ("en", "de"), None),
        ("The bank closes", "de", ("EN-gb",), "unsupported_language"),
        ("The bank closes", None, ("de",), None),
        ("The bank closes", "English", ("en",), None),
        ("央行维持利率不变 今日", "zh", ("en", "zh"), None),
        ("央行维持利率不变 今日", None, ("en", "zh"), None),
        ("央行维持利率不变 今日", None, ("en",), "unsupported_language"),
        ("日銀は政策金利を 据え置いた", "ja", ("zh",), "unsupported_language"),
    ],
)
def test_what_the_model_knows_is_scored(
    text: str, language: str | None, languages: tuple[str, ...], reason: str | None
) -> None:
    assert why_unscored(text, language, languages) == reason
