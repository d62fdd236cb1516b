"""Documents that change and go while their passages are in flight."""

import random

from tests.faults.documents import Document
from tests.faults.fleet import PIPELINE
from tests.faults.world import World


def test_edited_edited_again_and_removed_in_flight_ends_at_the_last_revision(
    world: World,
) -> None:
    """Workers are killed meanwhile. A, B, A is among the edits: what comes back is there once."""
    world.endpoint.least, world.endpoint.most = 0.05, 0.4
    documents = world.write(8)
    for service in PIPELINE:
        world.fleet.start(service, plans=[f"effect:{world.random.randint(3, 8)}"])
    world.fleet.start("summarizer", "question_generator", "curator")
    world.publish(*documents)
    before = [list(document.sections) for document in documents]
    for revision in (1, 2):
        world.until_made("passage.summarized", 8 * revision)
        for document in documents:
            edit(document, revision, world.random)
        world.publish(*documents)
    back, *removed = world.random.sample(range(len(documents)), 3)
    documents[back].sections = before[back]
    documents[back].write()
    world.publish(documents[back])
    for number in removed:
        world.remove(documents[number])
    world.settle()
    world.assert_exact(history=False)
    assert not world.letters()


def edit(document: Document, revision: int, rng: random.Random) -> None:
    """Change a passage, move one, and add or cut one."""
    sections = document.sections
    stem = sections[0].rsplit("s", 1)[0]
    sections[rng.randrange(len(sections))] = f"{stem}s{rng.randrange(99)}v{revision}"
    sections.append(sections.pop(0))
    if rng.random() < 0.5:
        sections.append(f"{stem}s{100 + revision}v{revision}")
    elif len(sections) > 1:
        sections.pop(rng.randrange(len(sections)))
    document.write()
