"""Several processes for one training, as torch's and accelerate's launchers set them up.

Each takes its share of every batch. The first also writes, scores and keeps the checkpoints; the
others end when the learning does. This process only watches them.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Sequence

from services.trainer.endings import reason
from services.trainer.process import POLL_SECONDS, WORK, die_with_parent
from services.trainer.runs import RunFolder
from shared.errors import ConfigurationInvalid, GristmillError

LAST_WORDS_SECONDS = 10.0

Process = subprocess.Popen[bytes]


class ProcessLost(GristmillError):
    """One of the processes of a training ended too early."""


def count(asked: int, device: str) -> int:
    """Return how many processes share a training.

    Args:
        asked: how many are wanted; 0 for one on each GPU.
        device: the one that was named; empty for the best there is.

    Raises:
        ConfigurationInvalid: there are not so many GPUs.
    """
    import torch

    gpus = 0 if device == "cpu" else torch.cuda.device_count()
    named = 1 if device not in {"", "cpu", "cuda"} else gpus
    if not asked:
        return max(named, 1)
    if gpus and asked > named:
        raise ConfigurationInvalid(
            f"{asked} processes need as many GPUs, and here they have {named}.",
            "Ask for fewer (--set processes=...), or compute without (--set device=cpu).",
        )
    return asked


def device(rank: int, asked: str) -> str:
    """Return the device of one of several processes."""
    import torch

    return f"cuda:{rank}" if asked != "cpu" and torch.cuda.is_available() else "cpu"


def train(run: RunFolder, count: int) -> None:
    """Run `count` processes to the end of the first, which writes the result, good or bad.

    Raises:
        ProcessLost: one ended without what it was there for; the others are ended too.
    """
    around = {"WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count)}
    around |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port())}
    processes: list[Process] = []
    try:
        for rank in range(count):
            own = {"RANK": str(rank), "LOCAL_RANK": str(rank)}
            processes.append(
                subprocess.Popen(  # noqa: S603 - our own program, no shell
                    [*WORK, str(run.path), str(rank)],
                    env=os.environ | around | own,
                    preexec_fn=die_with_parent,  # noqa: PLW1509 - does next to nothing
                )
            )
        lost = _watch(processes)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    if lost is not None:
        what = f"Process {lost + 1} of {count} of the training"
        raise ProcessLost(*reason(run, processes[lost].returncode, what))


def _watch(processes: Sequence[Process]) -> int | None:
    """Wait for the first to end; returns the one that was lost, or None where none was."""
    first, *others = processes
    while first.poll() is None:
        for rank, other in enumerate(others, 1):
            if other.poll():
                # What the others meet the first may meet too, and it knows how to say it.
                if _ends(first) and first.returncode == 0:
                    return None
                return rank
        time.sleep(POLL_SECONDS)
    return 0 if first.returncode else None


def _ends(process: Process) -> bool:
    try:
        process.wait(LAST_WORDS_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
