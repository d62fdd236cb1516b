"""The table of verdicts, and tables of an older release."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from shared.storage.examples import ExampleLog
from shared.storage.rows import LOGGED, to_logged
from shared.storage.verdicts import Verdict, Verdicts
from tests.unit.curator.examples import example

ROW = example("Who named the new element?")


async def test_the_last_verdict_counts(tmp_path):
    verdicts = Verdicts(str(tmp_path / "verdicts"))
    assert await verdicts.read() == {}
    await verdicts.add([])
    first = Verdict.on(ROW, "accept")
    other = Verdict.on(example("Who else?", 1), "edit", "Who?", "She.")
    await verdicts.add([first, other])
    last = Verdict.on(replace(ROW, question="who named the new  element"), "reject")
    await verdicts.add([last])
    assert await verdicts.read() == {first.key: last, other.key: other}


async def test_many_single_verdicts_become_one_file(tmp_path):
    verdicts = Verdicts(str(tmp_path))
    rows = [example(f"What is in box {n}?", n) for n in range(5)]
    for row in rows:
        await verdicts.add([Verdict.on(row, "accept")])
    await verdicts.compact()
    assert len(DeltaTable(tmp_path).file_uris()) == 1
    assert len(await verdicts.read()) == 5


async def test_a_log_without_embeddings_is_read_and_gets_them(tmp_path):
    entry = {name: value for name, value in to_logged(ROW).items() if name != "vector"}
    schema = pa.schema([field for field in LOGGED if field.name != "vector"])
    write_deltalake(tmp_path, pa.Table.from_pylist([entry], schema=schema))
    log = ExampleLog(str(tmp_path))
    assert await log.read() == [ROW]
    new = example("Who else?", 1, vector="f4E=")
    await log.append(new)
    assert sorted(row.vector for row in await log.read()) == ["", "f4E="]
    await log.close()
