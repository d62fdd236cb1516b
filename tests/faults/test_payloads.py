"""Payloads that cannot be processed: one dead letter each, and their neighbours unharmed."""

import random
from pathlib import Path

from tests.faults.fleet import PIPELINE
from tests.faults.worker import PAYLOAD
from tests.faults.world import World

INVALID: list[dict[bytes, bytes]] = [
    {b"__data__": b"this is not JSON"},
    {b"__data__": b"[1, 2, 3]"},
    {b"__data__": b"\x89BIN\r\n\x1a\n\x00\x01\x00\x00\x00\x12\xff\xff\xff\xff\x00\x09"},
    {b"__data__": b"[" * 100_000},
    {b"__data__": b'{"uri": "a:\\ud800", "text": "x"}'},
    {b"__data__": b'{"uri": "a:b", "schema_version": 99}'},
    {b"__data__": b'{"uri": "a:b", "blob": "no hash"}'},
    {b"__data__": b'{"uri": "a:b", "text": "x"}', b"__sequence__": b"tomorrow"},
    {b"\xff\xfe": b"\x00\xff\x80"},
    {b"nonsense": b"1"},
]


def test_poison_and_invalid_payloads_end_as_one_letter_each(world: World) -> None:
    """Poison is what the model refuses for good; invalid is what cannot be read at all."""
    made = world.write(10)
    names = [name for document in made for name in document.sections]
    poison = set(world.random.sample(names, 3))
    world.endpoint.refuses = poison
    client = world.broker.client()
    streams = ("document.submitted", "passage.extracted", "passage.retracted", "question.generated")
    for number, fields in enumerate(INVALID):
        if number < len(made):
            world.publish(made[number])
        client.xadd(world.keys.stream("document.submitted"), fields)
    for stream in streams[1:]:
        client.xadd(world.keys.stream(stream), world.random.choice(INVALID[:5]))
        client.xadd(world.keys.stream(stream), garbage(world.random))
    world.serve()
    world.settle()
    letters = world.letters()
    unreadable = [letter for letter in letters if not letter.names]
    readers = {"passage.extracted": 2, "passage.retracted": 2, "question.generated": 1}
    assert len(unreadable) == len(INVALID) + 2 * sum(readers.values())
    assert {letter.error_type for letter in unreadable} <= {
        "InvalidMessage",
        "UnknownSchemaVersion",
    }
    refused = [letter for letter in letters if letter.names]
    assert sorted(name for letter in refused for name in letter.names) == sorted(poison)
    assert {(each.service, each.error_type) for each in refused} == {
        ("summarizer", "EndpointRefused")
    }
    world.assert_exact(without={"dataset": poison})


def garbage(rng: random.Random) -> dict[bytes, bytes]:
    return {rng.randbytes(8): rng.randbytes(40), b"__data__": rng.randbytes(200)}


def test_a_payload_that_kills_its_process_takes_no_neighbour_along(world: World) -> None:
    """Two such passages among others that are in the same process when it dies."""
    made = world.write(6)
    killers = {"item1s1v0", "item4s2v0"}
    for name in killers:
        rename(made, name, f"{name}lethal")
    world.fleet.environment["GRISTMILL_DELIVERY__MAX_DELIVERIES"] = "5"
    world.endpoint.failures = 0
    world.endpoint.least = world.endpoint.most = 0.6
    world.publish(*made)
    world.fleet.start("summarizer", **{PAYLOAD: "lethal"})
    world.fleet.start(*(service for service in PIPELINE if service != "summarizer"))
    world.settle()
    letters = world.letters()
    dead = {f"{name}lethal" for name in killers}
    assert sorted(name for letter in letters for name in letter.names) == sorted(dead)
    assert {letter.error_type for letter in letters} == {"DeliveredTooOften"}
    world.assert_exact(without={"dataset": dead})


def rename(made: list, old: str, new: str) -> None:
    for document in made:
        document.sections = [new if name == old else name for name in document.sections]
        document.write()


def test_documents_that_cannot_be_read_are_dead_and_counted(world: World) -> None:
    """inputs = done + dead."""
    made = world.write(8)
    broken = world.random.sample(made, 3)
    for document, content in zip(broken, (b"", b"\x89PNG\r\n\x1a\n" * 9, bytes(500)), strict=True):
        Path(document.path).write_bytes(content)
        document.sections = []
    world.publish(*made)
    world.serve()
    world.settle()
    done = {uri for uri, _ in world.rows()}
    assert len(made) == len(done) + len(world.letters())
    assert {letter.stream for letter in world.letters()} == {"document.submitted"}
    world.assert_exact()
