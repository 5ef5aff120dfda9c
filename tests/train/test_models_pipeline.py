"""The whole of `make train` on the toy recipe, and its parts on toy tensors. Needs the train extra (torch)."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra: make train")

import torch
from safetensors.torch import load_file

from models import artefact, calibrate, evaluate, evidence, export, train
from models.batches import Example, collate, epoch_batches, make_examples, shake_case
from models.config import Base, Finetune, Quantise, load_recipe
from models.corpora import Item, Span
from models.corpora.toy import load as toy_items
from models.encoding import TextEncoder
from models.finetune import Judge, finetune, losses, parameter_groups
from models.graph import INPUTS, OUTPUTS
from models.inference import OnnxScorer
from models.labels import TAGS, begin, inside
from models.network import RiskwireNet, base_folder, build
from models.quantise import by_channel
from models.run import forward_of
from models.schedule import rate_factor
from models.toy_tokenizer import make_tokenizer

pytestmark = pytest.mark.train
torch.set_num_threads(1)  # toy tensors: threads would only wait for each other
RECIPE = Path(train.__file__).parent / "configs" / "toy.toml"
TOY = Base(source="random", layers=2, width=64, heads=4)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy recipe, run once from end to end."""
    folder = tmp_path_factory.mktemp("toy")
    assert train.main([str(RECIPE), "--work", str(folder / "work"), "--output", str(folder / "artefact")]) == 0
    return folder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> TextEncoder:
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    make_tokenizer([item.text for item in toy_items()], path)
    return TextEncoder.from_file(path, case_feature=True)


@pytest.fixture
def network() -> RiskwireNet:
    torch.manual_seed(0)
    return build(TOY, vocabulary=600, dropout=0.1)


def test_the_toy_recipe_makes_an_artefact_that_scores(done: Path) -> None:
    found = artefact.load(done / "artefact")
    assert found.manifest.name == "riskwire-toy"
    assert found.manifest.configuration["distil"]["finetune"]["epochs"] == 6
    assert {"toy"} == {entry.name for entry in found.manifest.data}
    assert found.manifest.metrics["checks"]["parity"] <= 1e-4
    assert found.manifest.metrics["checks"]["batch"]["max_dp"] <= 0.01
    score = OnnxScorer(found).score(["Lumen Air profit drops as costs climb"])[0]
    assert sum(score.sentiment.probabilities.values()) == pytest.approx(1)
    assert "# riskwire-toy 0.0.1" in (done / "artefact" / "README.md").read_text(encoding="utf-8")


def test_nothing_is_pickled(done: Path) -> None:
    kinds = {path.suffix for path in done.rglob("*") if path.is_file()}
    assert kinds <= {".json", ".safetensors", ".onnx", ".md"}


def test_stages_that_are_done_are_not_done_again(done: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (done / "work").rglob("*") if path.is_file()}
    assert train.main([str(RECIPE), "--work", str(done / "work"), "--output", str(done / "artefact")]) == 0
    assert before == {path: path.stat().st_mtime_ns for path in (done / "work").rglob("*") if path.is_file()}


def test_the_same_command_gives_the_same_weights(done: Path, tmp_path: Path) -> None:
    assert train.main([str(RECIPE), "--work", str(tmp_path / "work"), "--output", str(tmp_path / "artefact")]) == 0
    one, other = (
        json.loads((folder / "work" / "evaluate.done.json").read_text(encoding="utf-8")) for folder in (done, tmp_path)
    )
    assert one["fp32"]["toy"]["spans"]["f1"] == pytest.approx(other["fp32"]["toy"]["spans"]["f1"], abs=0.05)


@pytest.fixture(scope="module")
def second(done: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another seed of the toy's student, taught by the same teacher."""
    folder = tmp_path_factory.mktemp("second")
    arguments = [str(RECIPE), "--output", str(folder / "artefact"), "--work", str(folder / "work"), "--seed", "2"]
    assert train.main([*arguments, "--taught-by", str(done / "work")]) == 0
    return folder


def test_another_seed_shares_the_teacher(done: Path, second: Path) -> None:
    for folder in ("pretrain", "teacher", "soft"):
        assert (second / "work" / folder).resolve() == (done / "work" / folder).resolve()
    ours, theirs = (load_file(run / "work" / "distil" / "final.safetensors") for run in (second, done))
    assert not all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_other_runs_get_into_the_card(done: Path, second: Path, tmp_path: Path) -> None:
    work = Path(shutil.copytree(done / "work", tmp_path / "work"))
    other = str(second / "work")
    assert evidence.main([str(work), "--seed", other, "--ablation", f"another seed={work}:{other}"]) == 0
    assert train.main([str(RECIPE), "--work", str(work), "--output", str(tmp_path / "artefact")]) == 0
    found = artefact.load(tmp_path / "artefact").manifest.metrics
    assert [entry["name"] for entry in found["ablations"]] == ["another seed"]
    assert len(found["seeds"]["Minimal pairs"]["values"]) == 2
    card = (tmp_path / "artefact" / "README.md").read_text(encoding="utf-8")
    assert "## Spread over seeds" in card
    assert "| another seed |" in card
    assert evidence.main([str(work), "--seed", str(tmp_path / "nothing")]) == 1


def test_a_student_can_start_from_its_teacher(done: Path, tmp_path: Path) -> None:
    changes = ["distil.from_teacher=true", "distil.finetune.epochs=1", "distil.finetune.learning_rate=1e-12"]
    arguments = [str(RECIPE), "--work", str(tmp_path / "w"), "--taught-by", str(done / "work"), "--until", "distil"]
    assert train.main([*arguments, *(word for change in changes for word in ("--set", change))]) == 0
    student = load_file(tmp_path / "w" / "distil" / "final.safetensors")
    teacher = load_file(done / "work" / "teacher" / "1" / "final.safetensors")
    assert all(torch.allclose(student[name], teacher[name], atol=1e-5) for name in teacher)


def test_a_student_that_sees_amounts_can_start_from_a_teacher_that_does_not(done: Path, tmp_path: Path) -> None:
    changes = ["base.amount_feature=true", "distil.from_teacher=true", "distil.finetune.learning_rate=1e-12"]
    arguments = [str(RECIPE), "--work", str(tmp_path / "w"), "--taught-by", str(done / "work"), "--until", "distil"]
    assert train.main([*arguments, *(word for change in changes for word in ("--set", change))]) == 0
    name = "encoder.embeddings.token_type_embeddings.weight"
    student = load_file(tmp_path / "w" / "distil" / "final.safetensors")[name]
    teacher = load_file(done / "work" / "teacher" / "1" / "final.safetensors")[name]
    assert torch.allclose(student, torch.cat([teacher, teacher[:1], teacher[:1]]), atol=1e-5)


def test_students_of_one_start_are_averaged(done: Path, tmp_path: Path) -> None:
    changes = ["distil.from_teacher=true", "distil.students=2", "distil.finetune.epochs=1"]
    arguments = [str(RECIPE), "--work", str(tmp_path / "w"), "--taught-by", str(done / "work"), "--until", "distil"]
    assert train.main([*arguments, *(word for change in changes for word in ("--set", change))]) == 0
    one, other, mean = (
        load_file(tmp_path / "w" / "distil" / folder / "final.safetensors") for folder in ("1", "2", "")
    )
    assert not torch.equal(one["story.weight"], other["story.weight"])
    assert torch.allclose(mean["story.weight"], (one["story.weight"] + other["story.weight"]) / 2)
    found = json.loads((tmp_path / "w" / "distil.done.json").read_text(encoding="utf-8"))
    assert len(found["history"]) == found["chosen"]["students"] == 2
    assert set(found["chosen"]["dev"]) == set(found["history"][0])


@pytest.mark.parametrize(
    ("change", "says"),
    [(("retold = 6", "retold = 5"), "other data"), (("epochs = 3", "epochs = 4"), "other data"), (("", ""), "no run")],
)
def test_a_teacher_of_something_else_is_not_shared(
    done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: tuple[str, str], says: str
) -> None:
    path = tmp_path / "toy.toml"
    path.write_text(RECIPE.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    lender = done / "work" if change[0] else tmp_path
    assert train.main([str(path), "--work", str(tmp_path / "w"), "--taught-by", str(lender)]) == 1
    assert says in capsys.readouterr().err


def test_another_recipe_does_not_take_up_this_work(done: Path, tmp_path: Path) -> None:
    work = Path(shutil.copytree(done / "work", tmp_path / "work"))
    changed = tmp_path / "changed.toml"
    changed.write_text(RECIPE.read_text(encoding="utf-8").replace("epochs = 6", "epochs = 7"), encoding="utf-8")
    assert train.main([str(changed), "--work", str(work), "--output", str(tmp_path / "out")]) == 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("epochs = 6", "epoch = 6"), "unknown field `epoch`"),
        (("epochs = 6", 'epochs = "six"'), r"Expected `int`, got `str` - at `\$.distil.finetune.epochs`"),
        (("dev = 0.2", "dev = 1.5"), r"`\$.data.dev`"),
        (('method = "rowwise"', 'method = "magic"'), "Invalid enum value 'magic'"),
        (("[base]", "[base"), "toy"),
    ],
)
def test_a_wrong_recipe_is_refused(tmp_path: Path, change: tuple[str, str], says: str) -> None:
    path = tmp_path / "toy.toml"
    path.write_text(RECIPE.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    with pytest.raises(ValueError, match=says):
        load_recipe(path)
    assert train.main([str(path), "--work", str(tmp_path / "w")]) == 2


def test_values_of_a_recipe_are_changed_by_name() -> None:
    changes = ["finetune.lora_rank=16", "distil.finetune.epochs = 2", 'data.sets=["toy", "desk"]', "version='2'"]
    recipe = load_recipe(RECIPE, changes)
    assert recipe.finetune.lora_rank == 16
    assert recipe.distil is not None
    assert (recipe.distil.finetune.epochs, recipe.distil.finetune.batch_size) == (2, 16)
    assert (recipe.data.sets, recipe.version) == (("toy", "desk"), "2")


@pytest.mark.parametrize("change", ["finetune.lora=16", "seed.a=1", "finetune", "finetune.epochs=two", "seed = 'x'"])
def test_a_wrong_change_is_named(change: str) -> None:
    with pytest.raises(ValueError, match=re.escape(change)):
        load_recipe(RECIPE, [change])


def test_an_unknown_set_and_a_missing_folder_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "toy.toml"
    path.write_text(RECIPE.read_text(encoding="utf-8").replace('["toy"]', '["toys"]'), encoding="utf-8")
    assert train.main([str(path), "--work", str(tmp_path / "w")]) == 2
    assert "toys" in capsys.readouterr().err
    path.write_text(RECIPE.read_text(encoding="utf-8").replace('["toy"]', '["phrasebank"]'), encoding="utf-8")
    assert train.main([str(path), "--datasets", str(tmp_path / "nowhere"), "--work", str(tmp_path / "w")]) == 1
    assert "nowhere" in capsys.readouterr().err.replace("\n", "")


def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(encoder: TextEncoder, tmp_path: Path) -> None:
    examples = make_examples(toy_items(), encoder, max_tokens=32)
    settings = Finetune(epochs=2, batch_size=16, learning_rate=1e-3, checkpoint_steps=3, bf16=False)
    weights = []
    for folder, cuts in ((tmp_path / "whole", [None]), (tmp_path / "cut", [2, 4, None])):
        for stop in cuts:
            torch.manual_seed(0)
            network = build(TOY, vocabulary=600, dropout=0.1)
            finetune(
                network,
                examples,
                settings,
                pad=encoder.pad,
                seed=1,
                folder=folder,
                judge=lambda _: {"mean": 0.5},
                report=lambda _: None,
                stop_after=stop,
            )
        weights.append(torch.cat([tensor.flatten() for tensor in network.state_dict().values()]))
    assert torch.allclose(weights[0], weights[1], atol=1e-6)


def test_the_best_epoch_stays_and_patience_ends_the_run(
    encoder: TextEncoder, network: RiskwireNet, tmp_path: Path
) -> None:
    examples = make_examples(toy_items()[:32], encoder, max_tokens=32)
    settings = Finetune(epochs=9, batch_size=16, patience=2, bf16=False, average_last=1)
    means = iter([0.1, 0.5, 0.4, 0.3])
    state = run_toy(network, examples, settings, encoder, tmp_path, lambda _: {"mean": next(means)})
    assert (state["best"], len(state["history"]), state["finished"]) == (1, 4, True)
    assert state["chosen"]["epochs"] == [1]
    one, best = load_file(tmp_path / "epoch-1.safetensors"), load_file(tmp_path / "best.safetensors")
    assert all(torch.equal(one[name], best[name]) for name in one)


def test_the_mean_of_the_last_epochs_is_taken_where_dev_likes_it_better(
    encoder: TextEncoder, network: RiskwireNet, tmp_path: Path
) -> None:
    examples = make_examples(toy_items()[:32], encoder, max_tokens=32)
    settings = Finetune(epochs=3, batch_size=16, bf16=False, average_last=3)
    means = iter([0.1, 0.3, 0.2, 0.6, 0.5])  # three epochs, then the mean of the last two, of the last three
    state = run_toy(network, examples, settings, encoder, tmp_path, lambda _: {"mean": next(means)})
    assert state["chosen"]["epochs"] == [1, 2]
    first, second, best = (load_file(tmp_path / f"{name}.safetensors") for name in ("epoch-1", "epoch-2", "best"))
    assert all(torch.allclose((first[n] + second[n]) / 2, best[n]) for n in first if best[n].is_floating_point())


def run_toy(
    network: RiskwireNet, examples: list[Example], settings: Finetune, encoder: TextEncoder, folder: Path, judge: Judge
) -> dict[str, Any]:
    return finetune(
        network, examples, settings, pad=encoder.pad, seed=1, folder=folder, judge=judge, report=lambda _: None
    )


def test_what_is_not_labelled_teaches_nothing(encoder: TextEncoder, network: RiskwireNet) -> None:
    network.eval()
    settings = Finetune(bf16=False, label_smoothing=0.0)
    unlabelled = make_examples(
        [Item(dataset="x", text="Alder Bank names a new head of accounts")], encoder, max_tokens=32
    )
    batch = collate(unlabelled, pad=encoder.pad)
    loss = losses(network, batch, settings, batch.cases)
    assert float(loss.detach()) == pytest.approx(0, abs=1e-6)
    loss.backward()  # type: ignore[no-untyped-call]
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    assert all(float(gradient.abs().max()) < 1e-7 for gradient in gradients)


def test_a_set_without_assets_says_nothing_about_assets(encoder: TextEncoder) -> None:
    item = Item(dataset="x", text="Mara Voss spoke", spans=(Span(0, 9, "PER"),), exhaustive=("ORG", "PER", "LOC"))
    (example,) = make_examples([item], encoder, max_tokens=32)
    last = [TAGS[tag] for tag in np.flatnonzero(example.allowed[-2])]
    assert last == ["O", "B-ASSET", "I-ASSET"]
    assert [TAGS[tag] for tag in np.flatnonzero(example.allowed[1])] == ["B-PER"]
    assert example.tag_weight[0] == example.tag_weight[-1] == 0


def test_capitalised_words_outside_mentions_weigh_less_where_told(encoder: TextEncoder) -> None:
    item = Item(
        dataset="x",
        text="Alder met Mara",
        spans=(Span(0, 5, "ORG", "neutral"),),
        exhaustive=("ORG",),
        outside_weight=0.3,
        ignored=((6, 9),),
    )
    (example,) = make_examples([item], encoder, max_tokens=32)
    assert example.spans == (
        (1, 1 + sum(example.allowed[1:-1, begin("ORG")] | example.allowed[1:-1, inside("ORG")]), 1),
    )
    assert example.tag_weight[1] == 1
    assert example.tag_weight[-2] == pytest.approx(0.3)
    assert 0 in example.tag_weight[1:-1]


def test_the_token_head_pools_as_promised(network: RiskwireNet) -> None:
    """The mean of a mention's token logits is the head on the mean of its tokens (design: linear, so the same)."""
    network.eval()
    ids = torch.randint(5, 600, (2, 9))
    mask, cases = torch.ones_like(ids), torch.zeros_like(ids)
    with torch.inference_mode():
        hidden = network.encoder(input_ids=ids, attention_mask=mask, token_type_ids=cases).last_hidden_state
        pooled = network.token(hidden[:, 2:5].mean(1)) + network.context(hidden.mean(1))
        tokens = network(ids, mask, cases)[2][:, 2:5].mean(1)
    assert torch.allclose(pooled, tokens, atol=1e-5)


def test_learning_rates_fall_with_depth_and_rise_at_the_heads(network: RiskwireNet) -> None:
    groups = parameter_groups(network, Finetune(learning_rate=1e-4, layer_decay=0.5, head_factor=3.0))
    assert {round(group["lr"], 9) for group in groups} == {3e-4, 1e-4, 5e-5, 2.5e-5}
    assert sum(len(group["params"]) for group in groups) == len(list(network.parameters()))
    assert rate_factor(0, 100, 0.1) == pytest.approx(0.1)
    assert rate_factor(9, 100, 0.1) == 1.0
    assert rate_factor(100, 100, 0.1) == 0.0


def test_batches_hold_every_example_once_in_like_lengths(encoder: TextEncoder) -> None:
    examples = make_examples(toy_items(), encoder, max_tokens=32)
    batches = epoch_batches(examples, size=16, seed=5)
    assert sorted(index for batch in batches for index in batch) == list(range(len(examples)))
    assert batches == epoch_batches(examples, size=16, seed=5)
    assert batches != epoch_batches(examples, size=16, seed=6)
    assert np.mean([np.ptp([len(examples[i]) for i in batch]) for batch in batches]) < 3


def test_word_shapes_are_shaken_row_by_row() -> None:
    cases = np.tile(np.array([0, 1, 2, 3]), (200, 1))
    shaken = shake_case(cases, share=0.5, generator=np.random.default_rng(1))
    changed = (shaken != cases).any(axis=1)
    assert 60 < changed.sum() < 140
    assert (shaken[:, 0] == 0).all()
    assert all(len(set(row[1:])) == 1 for row in shaken[changed])


@pytest.mark.parametrize("method", ["none", "rowwise", "blockwise", "fp16"])
def test_exported_graphs_say_what_the_network_says(
    method: str, encoder: TextEncoder, network: RiskwireNet, tmp_path: Path
) -> None:
    network.eval()
    examples = make_examples(toy_items()[::5], encoder, max_tokens=32)
    size = export.export(
        network, tmp_path / "m.onnx", Quantise(method=method, embedding="fp32" if method == "none" else "int8")
    )  # type: ignore[arg-type]
    assert size == (tmp_path / "m.onnx").stat().st_size
    graph = export.forward_of(tmp_path / "m.onnx")
    gap = export.difference(forward_of(network), graph, examples, pad=encoder.pad)
    assert gap <= {"none": 1e-4, "fp16": 0.005}.get(method, 0.05)
    assert export.batch_dependence(graph, examples, pad=encoder.pad)["max_dp"] <= (1e-5 if method == "none" else 0.01)


def test_the_graph_has_the_names_and_axes_that_the_runtime_expects(done: Path) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(done / "artefact" / "model.onnx"), providers=["CPUExecutionProvider"])
    assert tuple(node.name for node in session.get_inputs()) == INPUTS
    assert [(node.name, node.shape) for node in session.get_outputs()] == [
        (OUTPUTS[0], ["batch", 3]), (OUTPUTS[1], ["batch", "tokens", 9]), (OUTPUTS[2], ["batch", "tokens", 3]),
    ]  # fmt: skip


def test_rows_are_quantised_one_by_one() -> None:
    matrix = np.array([[1.0, -2.0, 0.5], [0, 0, 0], [1e-3, 2e-3, -1e-3]])
    values, scale = by_channel(matrix, limit=63)
    assert values.dtype == np.int8
    assert np.abs(values).max() == 63
    assert np.allclose(values * scale[:, None], matrix, atol=2 / 63)
    assert values[1].tolist() == [0, 0, 0]


def test_temperatures_cool_what_is_too_sure() -> None:
    generator = np.random.default_rng(0)
    truth = generator.normal(0, 1.5, (4000, 3))
    labels = np.array([generator.choice(3, p=row) for row in calibrate.softmax(truth)])
    assert calibrate.best_temperature(truth * 2.5, labels) == pytest.approx(2.5, rel=0.1)
    assert calibrate.best_temperature(np.zeros((0, 3)), np.zeros(0, dtype=int)) == 1.0


def test_the_base_that_is_not_installed_is_named() -> None:
    with pytest.raises(FileNotFoundError, match="pip install no-such-base"):
        base_folder(Base(source="package:no_such_base"))
    with pytest.raises(FileNotFoundError, match=r"no config\.json"):
        base_folder(Base(source="folder:/nonexistent"))


def test_evaluation_counts_what_is_found_and_right(encoder: TextEncoder) -> None:
    examples = make_examples(toy_items(), encoder, max_tokens=32)

    def oracle(ids: np.ndarray, mask: np.ndarray, cases: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Says what the labels say, by looking the texts up."""
        story, tags = np.zeros((len(ids), 3)), np.zeros((*ids.shape, 9))
        tokens = np.zeros((*ids.shape, 3))
        for row in range(len(ids)):
            known = ids[row][mask[row] > 0].tolist()
            example = next(e for e in examples if e.ids.tolist() == known)
            if example.story >= 0:
                story[row, example.story] = 9
            tags[row, : len(example)] = example.allowed * 9
            for first, last, label in example.spans:
                tokens[row, first:last, label] = 9
        return story, tags, tokens

    outputs = evaluate.run(oracle, examples, pad=encoder.pad)
    found = evaluate.figures(outputs, examples, encoder, story_temperature=1.0, mention_temperature=1.0)["toy"]
    assert found["story"]["accuracy"] == found["mention"]["accuracy"] == found["mention_conflicting"]["accuracy"] == 1.0
    assert found["spans"]["f1"] == found["mention_found_and_right"]["accuracy"] == 1.0


def test_the_bias_undoes_a_wrong_prior() -> None:
    """Labels drawn from logits + b are explained by b, up to what 4,000 draws leave open; and the sum is 0."""
    generator = np.random.default_rng(3)
    logits = generator.normal(0, 2, (4_000, 3))
    wanted = np.array([-0.5, 0.8, -0.3])
    labels = np.array([generator.choice(3, p=row) for row in calibrate.softmax(logits + wanted)])
    assert calibrate.best_bias(logits, labels) == pytest.approx(wanted, abs=0.15)
    assert calibrate.best_bias(logits, labels).sum() == pytest.approx(0, abs=1e-9)
    assert calibrate.best_bias(logits[:0], labels[:0]).tolist() == [0, 0, 0]


def test_the_bias_survives_one_label_alone() -> None:
    bias = calibrate.best_bias(np.random.default_rng(1).normal(size=(50, 3)), np.zeros(50, dtype=int))
    assert np.isfinite(bias).all()
