"""The verifier itself: it has to find what a pipeline without our runtime loses."""

import sys
import time

from shared.topology import STREAMS
from tests.faults.fleet import PIPELINE, Fleet
from tests.faults.world import World

CALM_SECONDS = 4.0


def test_the_same_services_on_the_librarys_defaults_fail_the_same_verifier(world: World) -> None:
    """Two kills of each service and the endpoint's usual moods."""
    world.fleet.close()
    command = (sys.executable, "-m", "tests.faults.naive", "serve")
    world.fleet = Fleet(world.environment, world.folder / "logs", command)
    world.endpoint.least, world.endpoint.most = 0.02, 0.1
    world.serve()
    world.fleet.wait_until_up()  # its groups begin at the newest entry
    world.publish(*world.write(12))
    for made in (8, 16):
        world.until_made("passage.extracted", made)
        for service in PIPELINE:
            world.fleet.kill(world.fleet.of(service)[0])
            time.sleep(0.3)
        world.fleet.wait_until_up()
        world.publish(*world.write(4))
    calm(world)
    findings = world.verify()
    print(findings)
    assert findings.missing
    assert findings.pending


def calm(world: World) -> None:
    """Wait until nothing has been published for a while."""
    before, since = -1, time.monotonic()
    while time.monotonic() - since < CALM_SECONDS:
        made = sum(world.made(stream.name) for stream in STREAMS)
        if made != before:
            before, since = made, time.monotonic()
        time.sleep(0.1)
