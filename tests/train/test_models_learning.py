"""Pretraining, distillation, pruning, LoRA and tracking, on toy tensors. Needs the train extra (torch)."""

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra: make train")

import torch
from tokenizers import Tokenizer
from transformers import BertConfig, BertForSequenceClassification

from models import artefact, compare, distil, export, lora, train
from models.amounts import LARGER, SMALLER
from models.batches import Example, Soft, collate, make_examples
from models.config import Base, Distil, Finetune, Pretrain, Prune, Quantise, load_recipe
from models.corpora import Item
from models.corpora.toy import load as toy_items
from models.corpora.toy import unlabelled
from models.encoding import TextEncoder
from models.finetune import finetune, losses, parameter_groups
from models.inference import OnnxScorer
from models.labels import SENTIMENTS
from models.network import RiskwireNet, build
from models.packing import IGNORED, mask_words, pack
from models.pretrain import MaskedNet, perplexity, pretrain
from models.prune import fit, importance, prune
from models.run import forward_of
from models.teacher import SPECIAL, build_teacher, token_table
from models.toy_tokenizer import make_tokenizer
from models.tracking import flat

pytestmark = pytest.mark.train
torch.set_num_threads(1)  # toy tensors: threads would only wait for each other
CONFIGS = Path(train.__file__).parent / "configs"
TOY = Base(source="random", layers=2, width=64, heads=4)
MASK = 4


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    make_tokenizer([item.text for item in toy_items()], path)
    return path


@pytest.fixture(scope="module")
def encoder(tokenizer: Path) -> TextEncoder:
    return TextEncoder.from_file(tokenizer, case_feature=True)


@pytest.fixture
def network() -> RiskwireNet:
    torch.manual_seed(0)
    return build(TOY, vocabulary=600, dropout=0.1)


@pytest.fixture
def examples(encoder: TextEncoder) -> list[Example]:
    return make_examples(toy_items(), encoder, max_tokens=32)


# Pretraining


def test_texts_are_packed_without_padding(encoder: TextEncoder) -> None:
    texts = unlabelled()
    blocks = pack(texts, encoder, length=16)
    tokens = sum(len(encoded) + 1 for encoded in encoder.encode(texts))
    assert len(blocks) == tokens // 15
    assert (blocks.ids[:, 0] == encoder.cls).all()
    assert not (blocks.ids == encoder.pad).any()
    assert (blocks.words[blocks.ids == encoder.sep] == -1).all()
    with pytest.raises(ValueError, match="too little text"):
        pack(texts[:1], encoder, length=256)


def test_whole_words_are_masked_and_anew_each_time(encoder: TextEncoder) -> None:
    blocks = pack([*unlabelled(), "Zzyzx qqqjj wwkky"] * 3, encoder, length=32)
    ids, targets = mask_words(blocks, share=0.3, mask=MASK, vocabulary=600, generator=np.random.default_rng(1))
    masked = targets != IGNORED
    for row in range(len(blocks)):
        words = set(blocks.words[row][masked[row]].tolist())
        assert -1 not in words
        assert masked[row].sum() == sum(int((blocks.words[row] == word).sum()) for word in words)
    assert (targets[masked] == blocks.ids[masked]).all()
    assert (ids[~masked] == blocks.ids[~masked]).all()
    assert 0.7 < float((ids[masked] == MASK).mean()) < 0.9
    other, _ = mask_words(blocks, share=0.3, mask=MASK, vocabulary=600, generator=np.random.default_rng(2))
    assert (ids != other).any()


def test_pretraining_lowers_perplexity_and_goes_on_after_a_stop(encoder: TextEncoder, tmp_path: Path) -> None:
    blocks = pack(unlabelled() * 4, encoder, length=16)
    settings = Pretrain(
        unlabelled={"toy": 1}, steps=24, batch_size=8, accumulate=2, learning_rate=3e-3, checkpoint_steps=5, bf16=False
    )
    found, weights = {}, []
    for name, cuts in (("whole", [None]), ("cut", [3, 9, None])):
        for stop in cuts:
            torch.manual_seed(0)
            masked = MaskedNet(build(TOY, vocabulary=600, dropout=0.0))
            found = pretrain(
                masked,
                blocks,
                settings,
                mask=MASK,
                seed=1,
                folder=tmp_path / name,
                report=lambda _: None,
                stop_after=stop,
            )
        weights.append(torch.cat([tensor.flatten() for tensor in masked.state_dict().values()]))
    assert torch.allclose(weights[0], weights[1], atol=1e-5)
    assert found["perplexity_after"] < 0.7 * found["perplexity_before"]
    assert perplexity(masked, blocks, settings, mask=MASK) == perplexity(masked, blocks, settings, mask=MASK)
    assert (tmp_path / "whole" / "encoder.safetensors").is_file()


# Teacher and student


def test_the_teachers_tokens_are_the_students(tokenizer: Path, tmp_path: Path) -> None:
    student = Tokenizer.from_file(str(tokenizer))
    words = json.loads(tokenizer.read_text(encoding="utf-8"))
    vocabulary = words["model"]["vocab"]
    shifted = {SPECIAL.get(token, token): place + 7 for token, place in vocabulary.items()}
    words["model"]["vocab"] = shifted
    words["added_tokens"] = []
    (tmp_path / "t.json").write_text(json.dumps(words), encoding="utf-8")
    table = token_table(student, Tokenizer.from_file(str(tmp_path / "t.json")))
    assert table.tolist() == [place + 7 for place in range(len(vocabulary))]


def test_a_teacher_with_other_tokens_is_refused(tokenizer: Path, tmp_path: Path) -> None:
    folder = finbert(tmp_path, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "profit"])
    make_tokenizer(["quite other words"], folder / "tokenizer.json")
    with pytest.raises(ValueError, match="another vocabulary"):
        build_teacher(Base(source=f"folder:{folder}"), tokenizer=tokenizer, dropout=0.1)


def test_labelling_is_taken_up_and_belongs_to_its_texts(
    encoder: TextEncoder, network: RiskwireNet, examples: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distil, "SHARD", 20)
    network.eval()
    asked = []

    def forward(ids: Any, mask: Any, cases: Any) -> Any:
        asked.append(len(ids))
        return forward_of(network)(ids, mask, cases)

    distil.label(forward, examples, tmp_path, pad=encoder.pad, report=lambda *_: None)
    assert sum(asked) == len(examples)
    (tmp_path / "00001.safetensors").unlink()
    distil.label(forward, examples, tmp_path, pad=encoder.pad, report=lambda *_: None)
    assert sum(asked) == len(examples) + 20
    soft = distil.with_soft(examples, tmp_path)
    story, tags, sentiment = forward_of(network)(
        *(np.array([a]) for a in (soft[25].ids, soft[25].ids * 0 + 1, soft[25].cases))
    )
    assert soft[25].soft is not None
    assert np.allclose(soft[25].soft.story, story[0], atol=2e-3)
    assert np.allclose(soft[25].soft.tags, tags[0], atol=2e-3)
    assert np.allclose(soft[25].soft.sentiment, sentiment[0], atol=2e-3)
    with pytest.raises(ValueError, match="of other texts"):
        distil.with_soft(examples[::-1], tmp_path)


def test_a_student_that_says_what_its_teacher_says_has_nothing_to_learn(
    encoder: TextEncoder, network: RiskwireNet
) -> None:
    network.eval()
    settings, soft_settings = Finetune(bf16=False, label_smoothing=0.0), Distil()
    (plain,) = make_examples([Item(dataset="x", text="Alder Bank names a new head")], encoder, max_tokens=32)
    story, tags, sentiment = forward_of(network)(*(np.array([a]) for a in (plain.ids, plain.ids * 0 + 1, plain.cases)))

    def loss(story_logits: np.ndarray) -> float:
        taught = msgspec.structs.replace(plain, soft=Soft(story=story_logits, tags=tags[0], sentiment=sentiment[0]))
        batch = collate([taught], pad=encoder.pad)
        return float(losses(network, batch, settings, batch.cases, soft_settings).detach())

    assert loss(story[0]) == pytest.approx(0, abs=1e-5)
    assert loss(story[0] + np.array([2, 0, 0], dtype=np.float32)) > 0.05


def test_the_teacher_says_nothing_of_tags_that_are_labelled(encoder: TextEncoder) -> None:
    items = [toy_items()[0], Item(dataset="x", text="Alder Bank names a new head")]
    blank = [
        Soft(story=np.zeros(3, "f2"), tags=np.zeros((len(e), 9), "f2"), sentiment=np.zeros((len(e), 3), "f2"))
        for e in make_examples(items, encoder, max_tokens=32)
    ]
    taught = [
        msgspec.structs.replace(example, soft=soft)
        for example, soft in zip(make_examples(items, encoder, max_tokens=32), blank, strict=True)
    ]
    batch = collate(taught, pad=encoder.pad)
    assert batch.soft is not None
    assert batch.soft.tag_known[0].sum() == 0
    assert batch.soft.tag_known[1].sum() == len(taught[1]) - 2


def test_annotators_who_disagreed_are_a_storys_goal(encoder: TextEncoder) -> None:
    labels = ("positive", "neutral", "negative", "negative", None)
    items = [
        Item(dataset="x", text="Alder Bank names a new head", story=label, agreement=agreed)
        for label, agreed in zip(labels, (50, 66, 100, None, None), strict=True)
    ]
    blank = Soft(story=np.zeros(3, "f2"), tags=np.zeros((8, 9), "f2"), sentiment=np.zeros((8, 3), "f2"))
    taught = [
        msgspec.structs.replace(example, soft=msgspec.structs.replace(blank, tags=blank.tags[: len(example)]))
        for example in make_examples(items, encoder, max_tokens=8)
    ]
    heeded, plain = (collate(taught, pad=encoder.pad, agreement=heed) for heed in (True, False))
    assert heeded.story == pytest.approx(
        np.array([[0.58, 0.42, 0], [0.31 * 2 / 3, 0.69, 0.31 / 3], [0, 0, 1], [0, 0, 1], [0, 0, 0]])
    )
    assert plain.story.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1], [0, 0, 0]]
    assert heeded.soft is not None
    assert plain.soft is not None
    assert heeded.soft.story_known.tolist() == [0, 0, 0, 1, 1]
    assert plain.soft.story_known.tolist() == heeded.soft.known.tolist() == [1, 1, 1, 1, 1]


def test_a_network_without_the_feature_takes_no_notice_of_amounts(network: RiskwireNet) -> None:
    network.eval()
    ids, mask = torch.tensor([[3, 9, 12]]), torch.ones(1, 3, dtype=torch.int64)
    seen, none = network(ids, mask, torch.tensor([[0, LARGER, SMALLER]])), network(ids, mask, torch.zeros_like(ids))
    assert all(torch.equal(one, other) for one, other in zip(seen, none, strict=True))


def test_a_story_without_a_label_has_no_loss(encoder: TextEncoder, network: RiskwireNet) -> None:
    network.eval()
    settings = Finetune(bf16=False, tag_weight=1e-9, mention_weight=1e-9)
    for story, wanted in ((None, pytest.approx(0, abs=1e-4)), ("positive", pytest.approx(1.1, abs=0.5))):
        examples = make_examples(
            [Item(dataset="x", text="Alder Bank names a head", story=story)], encoder, max_tokens=32
        )
        batch = collate(examples, pad=encoder.pad, agreement=True)
        assert float(losses(network, batch, settings, batch.cases).detach()) == wanted


# Pruning, LoRA


def test_what_is_pruned_is_gone_from_the_graph_too(
    encoder: TextEncoder, network: RiskwireNet, examples: list[Example], tmp_path: Path
) -> None:
    whole = export.export(network, tmp_path / "whole.onnx", Quantise(method="none", embedding="fp32"))
    left = prune(network, examples[:32], Prune(layers=(0,), heads=0.5, width=0.5), pad=encoder.pad)
    assert left == {"layers": 1, "heads": 2, "width": 128}
    network.eval()
    assert export.export(network, tmp_path / "cut.onnx", Quantise(method="none", embedding="fp32")) < 0.8 * whole
    gap = export.difference(
        forward_of(network), export.forward_of(tmp_path / "cut.onnx"), examples[:16], pad=encoder.pad
    )
    assert gap <= 1e-4
    fresh = build(TOY, vocabulary=600, dropout=0.1)
    fit(fresh, network.state_dict())
    fresh.eval()
    assert export.difference(forward_of(network), forward_of(fresh), examples[:16], pad=encoder.pad) < 1e-6
    with pytest.raises(ValueError, match="can't prune layers"):
        prune(network, examples[:8], Prune(layers=(0,)), pad=encoder.pad)


def test_what_is_pruned_is_what_does_least(network: RiskwireNet, examples: list[Example], encoder: TextEncoder) -> None:
    """A head and units whose way out is zero change nothing, and are the first to go."""
    layer = network.encoder.encoder.layer[0]
    with torch.no_grad():
        layer.attention.output.dense.weight[:, 16:32] = 0
        layer.output.dense.weight[:, :64] = 0
    heads, units = importance(network, examples[:32], pad=encoder.pad)
    assert heads[0].argmin() == 1
    assert units[0, :64].max() == 0
    network.eval()
    before = forward_of(network)
    kept = [tensor.copy() for tensor in before(*arrays(examples[0]))]
    prune(network, examples[:32], Prune(heads=0.25), pad=encoder.pad)
    assert network.encoder.encoder.layer[0].attention.self.query.out_features == 48
    story = forward_of(network)(*arrays(examples[0]))[0]
    assert np.abs(story - kept[0]).max() < 0.5  # the other layer lost a head that did something


def test_lora_trains_little_and_leaves_a_plain_network(
    encoder: TextEncoder, network: RiskwireNet, examples: list[Example], tmp_path: Path
) -> None:
    names = set(network.state_dict())
    settings = Finetune(epochs=1, batch_size=16, learning_rate=1e-2, bf16=False, lora_rank=2)
    frozen = network.encoder.encoder.layer[0].attention.self.query.weight.detach().clone()
    lora.inject(network, rank=2)
    trained = sum(p.numel() for group in parameter_groups(network, settings) for p in group["params"])
    assert trained < 0.15 * sum(p.numel() for p in network.parameters())
    finetune(
        network,
        examples,
        settings,
        pad=encoder.pad,
        seed=1,
        folder=tmp_path,
        judge=lambda _: {"mean": 0.5},
        report=lambda _: None,
    )
    network.eval()
    before = forward_of(network)(*arrays(examples[0]))
    lora.merge(network)
    assert set(network.state_dict()) == names
    after = forward_of(network)(*arrays(examples[0]))
    assert all(np.allclose(one, other, atol=1e-5) for one, other in zip(before, after, strict=True))
    assert not torch.equal(frozen, network.encoder.encoder.layer[0].attention.self.query.weight)


def arrays(example: Example) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.array([example.ids]), np.ones((1, len(example)), dtype=np.int64), np.array([example.cases])


# Recipes


def finbert(folder: Path, words: list[str]) -> Path:
    """A randomly initialised model of FinBERT's shape, small, its labels in FinBERT's order and not in ours."""
    folder = folder / "finbert"
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
        id2label={0: "neutral", 1: "negative", 2: "positive"},
        label2id={"neutral": 0, "negative": 1, "positive": 2},
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    return folder


def test_the_finbert_recipe_runs_from_a_local_folder(tokenizer: Path, tmp_path: Path) -> None:
    vocabulary = Tokenizer.from_file(str(tokenizer)).get_vocab()
    folder = finbert(tmp_path, sorted(vocabulary, key=lambda word: vocabulary[word]))
    recipe = load_recipe(CONFIGS / "finbert.toml")
    assert recipe.pretrain is not None
    small = msgspec.structs.replace(
        recipe,
        base=msgspec.structs.replace(recipe.base, source=f"folder:{folder}"),
        data=msgspec.structs.replace(recipe.data, sets=("toy",), dev=0.2, test=0.2, joined_pairs=4, max_tokens=32),
        pretrain=msgspec.structs.replace(
            recipe.pretrain, unlabelled={"toy": 50}, steps=2, batch_size=2, accumulate=1, block=16, held_out=0.2
        ),
        finetune=msgspec.structs.replace(
            recipe.finetune, batch_size=16, learning_rate=3e-3, epochs=10, patience=10, frozen_embeddings=False
        ),
    )
    path = tmp_path / "finbert.toml"
    path.write_text(toml(msgspec.to_builtins(small)), encoding="utf-8")
    assert train.main([str(path), "--work", str(tmp_path / "work"), "--output", str(tmp_path / "out")]) == 0
    found = artefact.load(tmp_path / "out")
    assert tuple(found.manifest.sentiments) == SENTIMENTS
    scores = OnnxScorer(found).score(
        [f"Quarry Foods {event}" for event in ("profit jumps after strong orders", "profit drops as costs climb")]
    )
    assert [score.sentiment.label for score in scores] == ["positive", "negative"]


def toml(value: dict[str, Any], prefix: str = "") -> str:
    """Nested mappings as TOML; what is None is left out."""
    plain = [f"{key} = {json.dumps(v)}" for key, v in value.items() if v is not None and not isinstance(v, dict)]
    tables = [
        f"[{prefix}{key}]\n{toml(inner, f'{prefix}{key}.')}" for key, inner in value.items() if isinstance(inner, dict)
    ]
    return "\n".join([*plain, *tables])


def test_distilling_without_a_teacher_is_refused(tmp_path: Path) -> None:
    text = (CONFIGS / "toy.toml").read_text(encoding="utf-8")
    start, end = text.index("[teacher.base]"), text.index("[distil]")
    (tmp_path / "r.toml").write_text(text[:start] + text[end:], encoding="utf-8")
    with pytest.raises(ValueError, match=r"\[distil\] needs a \[teacher\]"):
        load_recipe(tmp_path / "r.toml")


def test_a_student_that_starts_from_its_teacher_has_its_base() -> None:
    with pytest.raises(ValueError, match="has the teacher's base"):
        load_recipe(CONFIGS / "toy.toml", ["distil.from_teacher=true", "teacher.base.layers=1"])


def test_a_student_starts_from_no_teacher_that_sees_more(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has the teacher's base"):
        load_recipe(CONFIGS / "toy.toml", ["distil.from_teacher=true", "teacher.base.amount_feature=true"])


def test_only_students_of_one_start_can_be_averaged() -> None:
    with pytest.raises(ValueError, match="start from the teacher"):
        load_recipe(CONFIGS / "toy.toml", ["distil.students=2"])


def test_a_stage_that_the_recipe_lacks_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = str(CONFIGS / "toy.toml")
    assert train.main([recipe, "--work", str(tmp_path), "--until", "finetune"]) == 2
    assert "has no stage finetune" in capsys.readouterr().err


def test_given_texts_are_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (CONFIGS / "toy.toml").read_text(encoding="utf-8")
    (tmp_path / "r.toml").write_text(text.replace("{ toy = 100 }", "{ given = 100 }"), encoding="utf-8")
    arguments = [str(tmp_path / "r.toml"), "--work", str(tmp_path / "w"), "--until", "pretrain"]
    assert train.main(arguments) == 1
    assert "--unlabelled" in capsys.readouterr().err
    (tmp_path / "given.txt").write_text("\n".join(unlabelled()), encoding="utf-8")
    assert train.main([*arguments, "--unlabelled", str(tmp_path / "given.txt")]) == 0


def test_given_labels_are_learnt_from_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"text": f"Mossgate Bank opens branch {word}", "story": "positive"} for word in "abcdefghijklmnop"]
    path = tmp_path / "labels.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in [*rows, rows[0] | {"story": "neutral"}]), encoding="utf-8")
    arguments = [str(CONFIGS / "toy.toml"), "--work", str(tmp_path / "w"), "--until", "prepare", "--labels", str(path)]
    assert train.main(arguments) == 0
    found = json.loads((tmp_path / "w" / "prepare.done.json").read_text(encoding="utf-8"))
    assert sum(found["items"][side].get("given", 0) for side in ("train", "dev", "test")) == len(rows)
    assert "given" in found["fingerprints"]
    path.write_text('{"text": "x", "story": "bullish"}', encoding="utf-8")
    assert train.main([*arguments[:2], str(tmp_path / "other"), *arguments[3:]]) == 1
    told = capsys.readouterr().err.replace("\n", "")
    assert "labels.jsonl:1" in told
    assert "bullish" in told


def test_a_run_is_tracked(tmp_path: Path) -> None:
    uri = f"file:{tmp_path / 'runs'}"
    arguments = [str(CONFIGS / "toy.toml"), "--work", str(tmp_path / "w"), "--until", "distil", "--track", uri]
    assert train.main(arguments) == 0
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("riskwire")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params["distil.finetune.epochs"] == "6"
    history = client.get_metric_history(run.info.run_id, "distil.history.mean")
    assert [point.step for point in history] == list(range(6))
    assert run.data.metrics["pretrain.perplexity_after"] < run.data.metrics["pretrain.perplexity_before"]


def test_findings_are_flattened() -> None:
    found = {"a": {"b": 1}, "c": [{"d": 2}, {"d": 3}], "e": [1, 2]}
    assert list(flat(found)) == [("a.b", 1), ("c.0.d", 2), ("c.1.d", 3), ("e", [1, 2])]


# Comparing


def test_a_real_difference_is_told_from_a_chance_one() -> None:
    generator = np.random.default_rng(5)
    labels = generator.integers(0, 3, 600)
    good = np.where(generator.random(600) < 0.9, labels, (labels + 1) % 3)
    bad = np.where(generator.random(600) < 0.7, labels, (labels + 1) % 3)
    low, high = compare.paired_bootstrap(labels, good, bad, compare.accuracy, rounds=300)
    assert 0.1 < low < compare.accuracy(labels, good) - compare.accuracy(labels, bad) < high < 0.3
    twin = np.where(generator.random(600) < 0.9, labels, (labels + 1) % 3)
    low, high = compare.paired_bootstrap(labels, good, twin, compare.macro_f1, rounds=300)
    assert low < 0 < high
    assert compare.paired_bootstrap(labels, good, good, compare.macro_f1, rounds=20) == (0, 0)


def test_rows_of_one_text_are_drawn_together() -> None:
    labels, one, other = np.zeros(8, dtype=int), np.zeros(8, dtype=int), np.ones(8, dtype=int)
    other[:4] = 0  # all of the first text's mentions are right
    groups = np.array([0] * 4 + [1] * 4)
    low, high = compare.paired_bootstrap(labels, one, other, compare.accuracy, groups=groups, rounds=400)
    assert (low, high) == (0.0, 1.0)


def test_two_graphs_are_compared(encoder: TextEncoder, network: RiskwireNet, tmp_path: Path) -> None:
    arguments = [str(CONFIGS / "toy.toml"), "--work", str(tmp_path / "w")]
    assert train.main([*arguments, "--until", "prepare"]) == 0
    export.export(network, tmp_path / "m.onnx", Quantise(method="none", embedding="fp32"))
    assert compare.main([arguments[0], *[str(tmp_path / "m.onnx")] * 2, *arguments[1:]]) == 0
    assert compare.main([arguments[0], str(tmp_path / "none.onnx"), str(tmp_path / "m.onnx"), *arguments[1:]]) == 1
