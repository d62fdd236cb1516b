from __future__ import annotations

import asyncio

import pytest

from shared import ids
from shared.errors import DocumentNotFound
from shared.storage.blobs import BlobStore
from shared.storage.reach import StorageUnreachable


@pytest.fixture(params=["folder", "file url", "memory"])
def store(request, tmp_path):
    locations = {
        "folder": str(tmp_path / "new" / "blobs"),
        "file url": f"file://{tmp_path}/blobs",
        "memory": "memory://",
    }
    return BlobStore(locations[request.param])


@pytest.mark.parametrize("body", [b"", b"a", bytes(range(256)) * 40_000])
async def test_a_body_comes_back_by_its_hash(store, body):
    sha256 = await store.put(body)
    assert sha256 == ids.sha256(body)
    assert await store.get(sha256) == body
    assert await store.has(sha256)


async def test_putting_a_body_again_changes_nothing(store):
    assert await store.put(b"a") == await store.put(b"a")
    hashes = await asyncio.gather(*(store.put(b"b" * 100_000) for _ in range(20)))
    assert len(set(hashes)) == 1
    assert await store.get(hashes[0]) == b"b" * 100_000


async def test_an_unknown_hash_is_not_found(store):
    assert not await store.has("0" * 64)
    with pytest.raises(DocumentNotFound, match="0" * 64):
        await store.get("0" * 64)


async def test_bodies_are_there_for_the_next_one_who_opens_the_folder(tmp_path):
    sha256 = await BlobStore(str(tmp_path)).put(b"a")
    assert await BlobStore(str(tmp_path)).get(sha256) == b"a"


async def test_a_damaged_body_is_not_handed_out(tmp_path):
    store = BlobStore(str(tmp_path))
    sha256 = await store.put(b"a")
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    file.write_bytes(b"b")
    with pytest.raises(DocumentNotFound, match="damaged"):
        await store.get(sha256)


async def test_a_store_that_fails_is_a_retryable_error(tmp_path):
    store = BlobStore(str(tmp_path / "blobs"))
    sha256 = ids.sha256(b"a")
    (tmp_path / "blobs" / sha256[:2]).write_text("a file where a folder belongs")
    with pytest.raises(StorageUnreachable, match="blobs"):
        await store.put(b"a")
    assert StorageUnreachable.retryable
