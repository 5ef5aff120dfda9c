"""Evaluation: labels by name, figures that can be counted by hand, and a report that holds them."""

import itertools
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from models import artefact, evaluate, evaluate_baselines
from models.artefact import Artefact
from models.batches import Example, make_examples
from models.card_evidence import evidence_sections
from models.corpora import CORPORA, toy
from models.corpora.items import Item, Span
from models.evaluate_artefact import calibration, forward_of, measure, sides_of
from models.evaluate_pictures import confusion_svg, reliability_svg
from models.evaluate_report import evaluate as judge_and_write
from models.evaluate_report import spread
from models.evaluate_text import TABLE, report, value_at
from models.labels import SENTIMENTS, TAGS, permutation
from models.metrics import calibration_error, classification, reliability
from models.slices import slices_of
from riskwire.errors import InputError

TOY = Path(__file__).parents[2] / "models" / "configs" / "toy.toml"


@pytest.fixture(scope="module")
def shipped() -> Artefact:
    return artefact.load()


@pytest.fixture(scope="module")
def examples(shipped: Artefact) -> list[Example]:
    return make_examples(toy.load()[::4], shipped.encoder, max_tokens=64)


class Shuffled:
    """A session whose graph gives the very same logits with its labels in another order."""

    def __init__(self, session: Any, names: Any, sentiments: list[int], tags: list[int]) -> None:
        self._session, self._names, self._sentiments, self._tags = session, names, sentiments, tags

    def run(self, outputs: list[str], inputs: dict[str, Any]) -> list[Any]:
        order = {self._names.tags: self._tags}
        found = self._session.run(outputs, inputs)
        return [logits[..., order.get(name, self._sentiments)] for name, logits in zip(outputs, found, strict=True)]


@pytest.mark.parametrize("names", list(itertools.permutations(SENTIMENTS)))
def test_labels_in_another_order_change_no_figure(
    shipped: Artefact, examples: list[Example], names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A peer shipped a model whose labels stood in another order than its evaluation took them."""
    plain = evaluate.run(forward_of(shipped), examples, pad=shipped.encoder.pad)
    tags = tuple(reversed(TAGS))
    manifest = msgspec.structs.replace(shipped.manifest, sentiments=names, tags=tags)
    other = msgspec.structs.replace(
        shipped,
        manifest=manifest,
        sentiment_order=tuple(permutation(names, SENTIMENTS)),
        tag_order=tuple(permutation(tags, TAGS)),
    )
    from models import evaluate_artefact

    session = Shuffled(
        evaluate_artefact.open_session(shipped, "cpu", 1),
        manifest.graph,
        [SENTIMENTS.index(name) for name in names],
        [TAGS.index(tag) for tag in tags],
    )
    monkeypatch.setattr(evaluate_artefact, "open_session", lambda *_: session)
    shuffled = evaluate.run(forward_of(other), examples, pad=shipped.encoder.pad)
    np.testing.assert_allclose(shuffled.story, plain.story, atol=1e-5)
    np.testing.assert_allclose(shuffled.mention, plain.mention, atol=1e-5)
    for one, two in zip(shuffled.tags, plain.tags, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)


def test_labels_that_lie_are_seen_in_the_figures(shipped: Artefact, examples: list[Example]) -> None:
    """The test above can fail: names in another order over the same graph ruin the accuracy."""
    swapped = msgspec.structs.replace(shipped, sentiment_order=(2, 1, 0))
    right, wrong = (
        evaluate.figures(
            evaluate.run(forward_of(one), examples, pad=one.encoder.pad),
            examples, one.encoder, story_temperature=1.0, mention_temperature=1.0,
        )["toy"]["mention"]["accuracy"]
        for one in (shipped, swapped)
    )  # fmt: skip
    assert right > wrong + 0.3


def logits_of(*labels: str) -> np.ndarray:
    return 9.0 * np.eye(3)[[SENTIMENTS.index(label) for label in labels]]


def test_figures_by_hand(shipped: Artefact) -> None:
    """Two mentions that conflict: one found and right, one right but not found; a third text gone wrong."""
    items = [
        Item(
            "x",
            "Alder rises, Birch falls",
            "headline",
            spans=(Span(0, 5, "ORG", "positive"), Span(13, 18, "ORG", "negative")),
            exhaustive=("ORG",),
        ),
        Item("x", "Birch is not up 3 pct in 2020", "headline", story="negative", agreement=66),
    ]
    found = make_examples(items, shipped.encoder, max_tokens=64)
    tags = [np.tile(9.0 * np.eye(9)[TAGS.index("O")], (len(example) - 2, 1)) for example in found]
    tags[0][0] = 9.0 * np.eye(9)[TAGS.index("B-ORG")]  # "Alder", of several sub-tokens or one: a word takes the first
    outputs = evaluate.Outputs(
        story=logits_of("neutral", "positive"), tags=tags, mention=logits_of("positive", "negative"),
        mention_label=np.array([0, 2]), mention_of=np.array([0, 0]),
    )  # fmt: skip
    figures = evaluate.figures(outputs, found, shipped.encoder, story_temperature=1.0, mention_temperature=1.0)["x"]
    assert figures["story"]["accuracy"] == figures["story_agreement_66"]["accuracy"] == 0.0
    assert figures["story"]["confusion"] == [[0, 0, 0], [0, 0, 0], [1, 0, 0]]
    assert figures["mention"]["accuracy"] == figures["mention_conflicting"]["accuracy"] == 1.0
    assert figures["mention_found_and_right"] == {"n": 2, "accuracy": 0.5, "accuracy_overlap": 0.5}
    assert figures["mention_found_and_right_conflicting"]["accuracy"] == 0.5
    assert (figures["spans"]["precision"], figures["spans"]["recall"]) == (1.0, 0.5)
    assert figures["slices"]["negation"]["story"]["n"] == figures["slices"]["numbers"]["story"]["n"] == 1
    assert figures["slices"]["conflicting"]["mention_found_and_right"]["accuracy"] == 0.5


@pytest.mark.parametrize(
    ("text", "kind", "wanted"),
    [
        ("Alder does not expect a loss", "headline", {"negation"}),
        ("Alder didn’t pay", "headline", {"negation"}),
        ("Net loss narrowed to EUR 3.1 mn from EUR 5.2 mn", "sentence", {"loss_narrows", "numbers"}),
        ("Alder cuts its debt", "headline", {"loss_narrows"}),
        ("Loss at Alder widens", "headline", set()),
        ("$ALD to the moon 🚀", "post", {"social_slang"}),
        ("$ALD to the moon 🚀", "headline", set()),
        ("Notable notes on knots", "headline", set()),
    ],
)
def test_slices(text: str, kind: Any, wanted: set[str]) -> None:
    assert slices_of(Item("x", text, kind)) == wanted


def test_conflicting_is_told_by_the_labels() -> None:
    spans = (Span(0, 1, "ORG", "positive"), Span(2, 3, "ORG", "negative"))
    assert slices_of(Item("x", "A B", spans=spans)) == {"conflicting"}
    assert slices_of(Item("x", "A B", spans=spans[:1])) == set()


def test_reliability_bins_add_up_to_the_calibration_error() -> None:
    generator = np.random.default_rng(0)
    chances, labels = generator.dirichlet((1, 1, 1), 500), generator.integers(0, 3, 500)
    bins = reliability(labels, chances)
    assert len(bins) == 15
    assert sum(count for count, _, _ in bins) == 500
    by_hand = sum(count / 500 * abs(share - mean) for count, mean, share in bins)
    assert calibration_error(labels, chances) == pytest.approx(by_hand)


def test_calibration_is_told_before_and_after(shipped: Artefact, examples: list[Example]) -> None:
    warm = msgspec.structs.replace(shipped.manifest.temperatures, story=4.0, mention=1.0)
    found = msgspec.structs.replace(shipped, manifest=msgspec.structs.replace(shipped.manifest, temperatures=warm))
    outputs = evaluate.run(forward_of(found), examples, pad=found.encoder.pad)
    told = calibration(outputs, examples, found)["toy"]
    assert told["mention"]["before"] == told["mention"]["after"]
    before, after = (told["story"][when]["bins"] for when in ("before", "after"))
    assert before != after
    assert sum(count for count, _, _ in before) == sum(count for count, _, _ in after)


def test_pictures_are_svg_that_holds_the_numbers() -> None:
    picture = confusion_svg([[5, 1, 0], [2, 7, 1], [0, 0, 9]], 'a "b" <c> & d')
    texts = [element.text for element in ET.fromstring(picture).iter() if element.tag.endswith("text")]
    assert {"5", "7", "9", 'a "b" <c> & d'} <= set(texts)
    bins = [(0, 0.0, 0.0)] * 13 + [(10, 0.9, 0.8), (5, 0.97, 1.0)]
    circles = [e for e in ET.fromstring(reliability_svg(bins, bins, "x")).iter() if e.tag.endswith("circle")]
    assert len(circles) == 2 * 2 + 2  # two bins before and after, and the legend


def test_baselines_on_made_up_texts(tmp_path: Path) -> None:
    words = tmp_path / evaluate_baselines.LEXICON
    words.parent.mkdir()
    words.write_text("word,Negative,Positive\nloss,1,0\ngains,0,1\n", encoding="utf-8")
    train = [
        Item("x", "loss", story="negative"),
        Item("x", "a loss", story="negative"),
        Item("x", "gains", story="positive"),
    ]
    found = evaluate_baselines.baselines(train, tmp_path)
    texts = [Item("x", "Alder gains"), Item("x", "a Loss"), Item("x", "nothing"), Item("never met", "what")]
    said = {name: [SENTIMENTS[place] for place in predict(texts).argmax(-1)] for name, predict in found.items()}
    assert said["majority class"] == ["negative", "negative", "negative", "neutral"]
    assert said["Loughran-McDonald words"] == ["positive", "negative", "neutral", "neutral"]
    assert "Loughran-McDonald words" not in evaluate_baselines.baselines(train, tmp_path / "elsewhere")


def test_a_baseline_has_no_figures_on_finding_mentions(shipped: Artefact, examples: list[Example]) -> None:
    items = [example.item for example in examples]
    figures = evaluate_baselines.judged(evaluate_baselines.majority(items), examples, shipped.encoder)["toy"]
    assert 0.0 < figures["mention"]["accuracy"] < 1.0
    assert not {"spans", "mention_found_and_right"} & set(figures)


@pytest.mark.parametrize(("averaged", "says"), [(True, "is the mean of such students"), (False, "is the first")])
def test_a_card_says_what_the_artefact_is_beside_the_seeds(averaged: bool, says: str) -> None:
    row = {"this": 0.8, "values": [0.8, 0.9], "mean": 0.85, "sd": 0.07}  # the mean of students may fare as the first
    assert says in "\n".join(evidence_sections({"seeds": {"Posts": row}}, averaged=averaged))


def test_spread_over_seeds() -> None:
    name, path, _, _ = TABLE[0]

    def found(value: float) -> dict[str, Any]:
        return {path[0]: {path[1]: {path[2]: {path[3]: value, "n": 1}}}}

    told = spread([found(0.8), found(0.9), found(0.7)])
    assert told == {name: {"values": [0.8, 0.9, 0.7], "mean": pytest.approx(0.8), "sd": pytest.approx(0.1)}}
    assert spread([found(0.8)]) == {}


def test_a_figure_of_nothing_is_none() -> None:
    assert value_at({"a": {"n": 0, "accuracy": 0.0}}, ("a", "accuracy")) is None
    assert value_at({"a": {}}, ("a", "accuracy")) is None
    assert value_at({"a": {"accuracy": 0.0}}, ("a", "accuracy")) == 0.0


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("report")
    judge_and_write(
        TOY, artefact.PRETRAINED, datasets=output, output=output, seeds=[artefact.PRETRAINED],
        against={"the same": artefact.PRETRAINED},
    )  # fmt: skip
    return output


def test_the_report_of_the_shipped_model(written: Path) -> None:
    """The whole way, on a set of our own words: figures, pairs, baselines, bootstrap, spread, pictures."""
    metrics = json.loads((written / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["behaviour"]["pairs"] >= 200
    assert metrics["figures"]["toy"]["mention"]["n"] > 0
    assert "majority class" in metrics["baselines"]
    for gap in metrics["against"]["the same"]["differences"]:
        assert gap["one"] == gap["other"]
        assert gap["low"] == gap["high"] == 0.0
    assert metrics["seeds"]["Minimal pairs"]["sd"] == 0.0
    text = (written / "report.md").read_text(encoding="utf-8")
    assert f"{metrics['behaviour']['accuracy']:.3f}" in text
    for line in text.splitlines():
        if line.startswith("!["):
            ET.parse(written / line.split("(")[1].rstrip(")"))
    assert "confusion-toy-mention.svg" in text
    assert "reliability-toy-mention.svg" in text


def test_a_report_made_again_is_the_same(written: Path) -> None:
    metrics = json.loads((written / "metrics.json").read_text(encoding="utf-8"))
    assert (
        report(metrics, {}).splitlines()[:20] == (written / "report.md").read_text(encoding="utf-8").splitlines()[:20]
    )


def test_measure_says_what_users_get(shipped: Artefact) -> None:
    """The same answers as the scorer's: the label of each text of the toy set's held-out side."""
    from models.config import load_recipe
    from models.inference import OnnxScorer

    recipe = load_recipe(TOY)
    measured, found = measure(artefact.PRETRAINED, recipe, sides_of(recipe, Path("nowhere")))
    answers = OnnxScorer(shipped).score([example.item.text for example in found])
    assert [SENTIMENTS[row.argmax()] for row in measured.outputs.story] == [one.sentiment.label for one in answers]


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.toml"):
        judge_and_write(tmp_path / "none.toml", artefact.PRETRAINED, datasets=tmp_path, output=tmp_path)
    with pytest.raises(InputError, match="set"):
        judge_and_write(TOY.with_name("minilm.toml"), artefact.PRETRAINED, datasets=tmp_path, output=tmp_path)


def test_perfect_answers_are_perfect() -> None:
    labels = np.array([0, 1, 2, 2])
    assert classification(labels, np.eye(3)[labels])["confusion"] == [[1, 0, 0], [0, 1, 0], [0, 0, 2]]


def test_every_set_has_a_licence_and_says_what_it_is() -> None:
    for corpus in CORPORA.values():
        assert corpus.licence
        assert corpus.about
