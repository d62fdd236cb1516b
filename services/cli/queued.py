"""Trainings that wait for a trainer and of which nothing lies on disk yet."""

from __future__ import annotations

from contextlib import suppress

from services.cli.access import NothingHere, reach
from services.trainer.handlers import described
from services.trainer.runs import Runs
from shared.delivery.envelope import body_of, decode
from shared.errors import GristmillError, HomeInUse
from shared.messages import TrainingRequested
from shared.settings import Settings
from shared.topology import stream_of


async def write_down(beginning: str, runs: Runs, settings: Settings) -> None:
    """Make the folders of the requests that wait and whose runs' names begin with `beginning`.

    The trainer finds them, and in them what was wished for, when it comes to the request.

    Raises:
        BrokerUnreachable: the broker that is named does not answer.
    """
    # A home that is in use or has no broker has no requests but those of a command of ours.
    with suppress(NothingHere, HomeInUse):
        async with reach(settings) as access:
            key = access.publisher.keys.stream(stream_of(TrainingRequested).name)
            for _, fields in await access.publisher.client.xrange(key):
                with suppress(GristmillError):  # what cannot be read is for the trainer to say
                    message = decode(TrainingRequested, body_of(fields))
                    request = await described(message, settings)
                    folder = runs.folder(request["run"])
                    if folder.name.startswith(beginning) and not folder.exists():
                        folder.create(request)
