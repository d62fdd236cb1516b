"""Everything at once, once; `make soak` goes on."""

from tests.faults.round import Round
from tests.faults.world import World


def test_everything_at_once_ends_at_the_last_revision_of_every_document(world: World) -> None:
    played = Round(world)
    played.play()
    print(dict(played.happened))
    world.assert_exact(history=False)
    assert not world.letters()
