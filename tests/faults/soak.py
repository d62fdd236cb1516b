"""Rounds of everything at once, for as long as is wanted: `python -m tests.faults.soak 3600`.

Each round's seed is printed; `GRISTMILL_FAULT_SEED=n python -m tests.faults.soak 1` plays that one
again. Ends with 1 at the first round that is not exact, and leaves its folder for a look.
"""

import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.conftest import SEED
from tests.faults.round import Round
from tests.faults.world import World


def main(seconds: float) -> int:
    end = time.monotonic() + seconds
    first = os.environ.get(SEED)
    rounds = passages = 0
    while time.monotonic() < end:
        seed = int(first) if first else random.SystemRandom().randrange(1_000_000)
        folder = Path(tempfile.mkdtemp(prefix="gristmill-soak-"))
        world = World(folder, seed)
        began = time.monotonic()
        print(f"{SEED}={seed}", end=" ", flush=True)
        try:
            played = Round(world)
            played.play()
            findings, letters = world.verify(history=False), world.letters()
        except Exception as error:
            print(f"{error!r}; see {folder}")
            return 1
        finally:
            world.close()
        made = sum(len(document.sections) for document in world.documents)
        rounds, passages = rounds + 1, passages + made
        print(
            f"{len(world.documents)} documents, {made} passages, {dict(played.happened)}, "
            f"{time.monotonic() - began:.0f} s: {findings}, dead = {len(letters)}",
            flush=True,
        )
        if findings or letters:
            print(f"not exact; see {folder}")
            return 1
        shutil.rmtree(folder)
    print(f"{rounds} rounds, {passages} passages at their ends: exact.")
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 3600))
