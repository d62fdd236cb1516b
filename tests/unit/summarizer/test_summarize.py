import pytest

from services.summarizer.settings import SummarySettings
from services.summarizer.summarize import faithful, maker, summaries, summarize
from shared.errors import GenerationFailed
from shared.generation.fake import FakeGenerator

PASSAGE = (
    "The gateway holds no model. However, the trainer loads one for each run, and 4 runs may wait "
    "in its queue. It writes a checkpoint every 50 steps, so that a run can be resumed."
)


def _says(text: str) -> FakeGenerator:
    return FakeGenerator(lambda request: [text])


async def test_a_draft_in_the_passages_words_is_kept():
    draft = "The text states that the trainer loads one for each run, and 4 runs may wait."
    assert (
        await summarize(PASSAGE, _says(draft))
        == "The trainer loads one for each run, and 4 runs may wait."
    )


@pytest.mark.parametrize(
    "draft",
    [
        "The trainer loads one for each run, and 9 runs may wait in its queue.",
        "The trainer never loads one for each run, and 4 runs may wait in its queue.",
        "The TRAINER loads one for each run, and 4 runs may wait in its Queue.",
        "The text highlights the importance of the trainer and its queue of runs.",
        "The trainer loads one for each run, and 4 runs may wait in its",
    ],
)
async def test_a_draft_that_the_passage_does_not_bear_out_gives_way_to_the_passage(draft):
    assert (
        await summarize(PASSAGE, _says(draft))
        == "The trainer loads one for each run, and 4 runs may wait in its queue."
    )


async def test_a_sentence_that_leans_brings_the_one_before():
    summary = await summarize(PASSAGE, _says("A checkpoint is written so that it can be resumed."))
    assert summary.startswith("The trainer loads one for each run")
    assert summary.endswith("It writes a checkpoint every 50 steps, so that a run can be resumed.")


async def test_reference_marks_do_not_get_into_a_summary():
    passage = "Redis keeps streams in memory.[3] Entries are trimmed by id.[citation needed]"
    assert await summarize(passage, _says("Entries trimmed")) == "Entries are trimmed by id."


async def test_other_models_may_use_their_own_words_but_not_their_own_numbers():
    draft = "The trainer loads one per run and writes a checkpoint every 50 steps."
    generator = _says(draft)
    generator.kind = "endpoint"
    assert await summarize(PASSAGE, generator) == draft
    generator = _says(draft.replace("50", "70"))
    generator.kind = "endpoint"
    assert "70" not in await summarize(PASSAGE, generator)


def test_off_keeps_the_draft_without_its_broken_tail():
    assert faithful("It sings. It dan", PASSAGE, "off") == "It sings."


def test_a_passage_without_sentences_is_survived():
    assert faithful("A draft", "x", "quote") == "X"


def test_a_draft_about_something_else_does_not_make_a_heading_the_answer():
    passage = "Wind and flour\n\nA mill grinds grain between two heavy stones that the wind turns."
    assert faithful("Data science.", passage, "quote").startswith("A mill grinds")


def test_of_sentences_alike_the_one_with_a_figure_is_the_answer():
    plain = "The mill by the river grinds the grain of all the farmers in the valley."
    figure = "The mill by the river grinds 900 sacks for all the farmers in the valley."
    assert faithful("The mill grinds.", f"They came. {plain} {figure}", "quote") == figure


async def test_an_empty_draft_is_an_error():
    with pytest.raises(GenerationFailed):
        await summarize("poison", FakeGenerator(fail_on="poison"))


async def test_further_summaries_are_of_the_parts_that_the_first_says_nothing_of():
    parts = [
        "The gateway holds no model and asks the trainer for all of its answers.",
        "Each run loads one in a process of its own, whose memory is returned.",
        "A checkpoint is written every 50 steps so that nothing has to be learned twice.",
    ]
    found = await summaries(" ".join(parts), FakeGenerator(), settings=SummarySettings(count=3))
    assert found == parts
    assert await summaries(" ".join(parts), FakeGenerator()) == parts[:1]
    few = await summaries(parts[0], FakeGenerator(), settings=SummarySettings(count=3))
    assert few == parts[:1]


async def test_title_and_headings_reach_the_model():
    fake = FakeGenerator()
    await summarize(PASSAGE, fake, title="Trainer", heading_path=("Trainer", "Runs"))
    assert fake.requests[0].fields["heading"] == "Trainer / Runs\n\n"


def test_the_maker_changes_with_what_changes_the_text():
    fake = FakeGenerator()
    assert maker(fake) == maker(fake)
    other = maker(fake, SummarySettings(faithfulness="off"))
    more = maker(fake, SummarySettings(count=2))
    assert len({each.fingerprint for each in (maker(fake), other, more)}) == 3
    assert maker(fake).prompt.startswith("summary/")
