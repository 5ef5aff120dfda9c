"""Evaluation with what the train extra adds: real graphs whose labels stand in another order, and trained baselines."""

import itertools
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra: make train")

import onnx

from models import artefact, evaluate_baselines
from models.artefact import PRETRAINED, fingerprint, read_manifest, write_manifest
from models.config import load_recipe
from models.corpora.items import Item
from models.evaluate_artefact import Measured, measure, sides_of
from models.evaluate_report import evaluate
from models.labels import SENTIMENTS

pytestmark = pytest.mark.train
RECIPE_FILE = Path(__file__).parents[2] / "models" / "configs" / "toy.toml"
RECIPE = load_recipe(RECIPE_FILE)


def judged(folder: Path) -> Measured:
    return measure(folder, RECIPE, sides_of(RECIPE, folder))[0]


@pytest.fixture(scope="module")
def plain() -> Measured:
    return judged(PRETRAINED)


def reordered(folder: Path, names: tuple[str, ...]) -> None:
    """The shipped artefact with its sentiments in this order, in the graph itself and in the manifest."""
    shutil.copytree(PRETRAINED, folder)
    manifest = read_manifest(folder)
    model = onnx.load(folder / manifest.model_file)
    places = onnx.numpy_helper.from_array(np.array([SENTIMENTS.index(name) for name in names]), "order.of.labels")
    model.graph.initializer.append(places)
    for output in (manifest.graph.story, manifest.graph.token_sentiment):
        for node in model.graph.node:
            node.output[:] = [f"{name}.before" if name == output else name for name in node.output]
            node.input[:] = [f"{name}.before" if name == output else name for name in node.input]
        model.graph.node.append(
            onnx.helper.make_node("Gather", [f"{output}.before", "order.of.labels"], [output], axis=-1)
        )
    onnx.save(model, folder / manifest.model_file)
    files = manifest.files | {manifest.model_file: fingerprint(folder / manifest.model_file)}
    write_manifest(folder, msgspec.structs.replace(manifest, sentiments=names, files=files))


@pytest.mark.parametrize("names", list(itertools.permutations(SENTIMENTS))[1:])
def test_a_graph_with_labels_in_another_order_has_the_same_figures(
    plain: Measured, tmp_path: Path, names: tuple[str, ...]
) -> None:
    reordered(tmp_path / "other", names)
    other = judged(tmp_path / "other")
    assert artefact.load(tmp_path / "other").manifest.sentiments == names
    np.testing.assert_allclose(other.outputs.story, plain.outputs.story, atol=1e-4)
    np.testing.assert_allclose(other.outputs.mention, plain.outputs.mention, atol=1e-4)
    assert other.figures["toy"]["mention"]["per_class"] == plain.figures["toy"]["mention"]["per_class"]
    assert [verdict.faults for verdict in other.behaviour] == [verdict.faults for verdict in plain.behaviour]


def test_trained_baselines_learn_and_keep_the_label_order() -> None:
    """scikit-learn sorts its classes by name, which is not our order."""
    train = [
        item
        for number in range(20)
        for item in (
            Item("x", f"profit soars {number}", story="positive"),
            Item("x", f"heavy loss {number}", story="negative"),
            Item("x", f"annual meeting {number}", story="neutral"),
        )
    ]
    texts = [Item("y", "profit soars again"), Item("y", "a heavy loss"), Item("y", "the annual meeting")]
    found = evaluate_baselines.baselines(train, Path("nowhere"))
    said = found["TF-IDF, logistic regression"](texts).argmax(-1)
    assert [SENTIMENTS[place] for place in said] == ["positive", "negative", "neutral"]
    texts = [
        Item("y", "This is great, wonderful news!"),
        Item("y", "A horrible, terrible loss"),
        Item("y", "On Monday"),
    ]
    said = found["VADER"](texts).argmax(-1)
    assert [SENTIMENTS[place] for place in said] == ["positive", "negative", "neutral"]


def test_tfidf_without_one_of_the_labels_gives_it_no_chance() -> None:
    train = [Item("x", f"up {n}", story="positive") for n in range(5)]
    train += [Item("x", f"down {n}", story="negative") for n in range(5)]
    chances = evaluate_baselines.tfidf(train)([Item("x", "up")])
    assert chances.shape == (1, 3)
    assert chances[0, SENTIMENTS.index("neutral")] == 0.0
    assert chances[0].argmax() == SENTIMENTS.index("positive")


def test_a_model_of_the_story_alone_has_no_figures_on_mentions(plain: Measured, tmp_path: Path) -> None:
    folder = tmp_path / "story"
    shutil.copytree(PRETRAINED, folder)
    manifest = read_manifest(folder)
    model = onnx.load(folder / manifest.model_file)
    kept = [output for output in model.graph.output if output.name == manifest.graph.story]
    del model.graph.output[:]
    model.graph.output.extend(kept)
    onnx.save(model, folder / manifest.model_file)
    files = manifest.files | {manifest.model_file: fingerprint(folder / manifest.model_file)}
    graph = msgspec.structs.replace(manifest.graph, tags=None, token_sentiment=None)
    write_manifest(folder, msgspec.structs.replace(manifest, tags=(), graph=graph, files=files))
    found = judged(folder)
    metrics = evaluate(RECIPE_FILE, PRETRAINED, datasets=tmp_path, output=tmp_path / "out", against={"story": folder})
    assert {gap["measure"] for gap in metrics["against"]["story"]["differences"]} <= {"toy accuracy", "toy macro-F1"}
    assert found.figures["toy"]["story"] == plain.figures["toy"]["story"]
    assert not [key for key in found.figures["toy"] if not key.startswith("story")]
    assert set(found.calibration["toy"]) == {"story"}
    assert any("was not found" in fault for verdict in found.behaviour for fault in verdict.faults)
