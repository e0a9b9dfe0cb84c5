"""What an alias points to is put up, however long somebody else is busy with it."""

from dataclasses import dataclass, field, replace

from app.domain.aliases import LEASE
from app.pipeline.release import request_release
from tests.fakes.clock import FakeClock
from tests.fakes.jobs import FakeSteps
from tests.unit.pipeline.world import World, a_run


@dataclass
class WaitingSteps(FakeSteps):
    """Time passes while the job sleeps."""

    clock: FakeClock = field(default_factory=FakeClock)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.clock.advance(seconds)


def test_a_release_outlasts_the_longest_upload(world: World) -> None:
    world.app()
    deployment = world.deploy(a_run())
    world.run_queue()
    with world.records.begin() as tx:
        # Two holds, one after the other, of a process that dies in the end.
        held = replace(world.alias(), holder="dpl_another", held_until=world.clock() + 2 * LEASE)
        job = request_release(tx, held)
    world.run(job, WaitingSteps(clock=world.clock))
    assert world.alias().is_in_line
    assert world.alias().deployment_id == deployment.id
