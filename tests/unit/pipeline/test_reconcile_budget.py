"""A pass over a thousand apps fits the budgets, as counted; what was reckoned beforehand is not less."""

from collections import Counter
from dataclasses import replace
from typing import Final

from app.domain.aliases import Alias
from app.domain.drift import NOBODY
from app.domain.environments import Environment
from app.domain.jobs import JobType
from app.domain.passes import Estimate
from tests.builders import NOON, a_deployment, an_app
from tests.fakes.jobs import FakeSteps
from tests.unit.pipeline.reconciling import FILES, Drifting
from tests.unit.pipeline.world import NAMESPACES

APPS: Final = 1000
SCRIPTS_OF_EACH: Final = 10
PRODUCTION = NAMESPACES[Environment.PRODUCTION]
# One call each; a port's other methods write.
GITHUB: Final = ("look", "actions_enabled", "webhook", "of_commit", "find")


def a_thousand_apps() -> Drifting:
    """Return a world of apps that are live, with own scripts of earlier deployments beside."""
    world = Drifting()
    for namespace in world.platform.all_namespaces:
        world.scripts.ensure_namespace(namespace)
    with world.records.begin() as tx:
        for number in range(1, APPS + 1):
            repository = world.host.add_repository(f"acme/app-{number}", FILES)
            app = an_app(number, repository=repository.description)
            tx.apps.add(app)
            commit, run = repository.branches["main"], repository.runs[0].run
            deployment = a_deployment(number, app_id=app.id, script=app.slug, commit=commit)
            tx.deployments.add(replace(deployment, run=replace(deployment.run, id=run.id)))
            alias = Alias(
                app.id, app.slug, Environment.PRODUCTION, PRODUCTION, NOON, deployment_id=deployment.id
            )
            tx.aliases.save(alias)
    for number in range(1, APPS + 1):
        for other in range(SCRIPTS_OF_EACH):
            name = f"slug{number:04}" if not other else f"production-{other}-slug{number:04}"
            world.scripts.upload(PRODUCTION, name, [] if other else [f"app-slug{number:04}"])
    return world


def test_a_pass_over_a_thousand_apps_takes_less_than_sixty_calls_of_each() -> None:
    world = a_thousand_apps()
    world.later()
    with world.records.begin() as tx:
        job = tx.jobs.enqueue(JobType.RECONCILE, NOBODY, {})
    world.host.faults.calls.clear()
    world.scripts.faults.calls.clear()
    steps = FakeSteps()
    result = world.run(job, steps)
    github = Counter(it for it in world.host.faults.calls if it in GITHUB)
    cloudflare = Counter(world.scripts.faults.calls)
    assert result["apps"] == APPS
    assert result["scripts"] == APPS * SCRIPTS_OF_EACH
    assert github["look"] == APPS / 100
    reckoned = Estimate.of(APPS, APPS * SCRIPTS_OF_EACH, 4)
    assert github.total() <= reckoned.github_calls <= 60
    assert cloudflare.total() <= reckoned.cloudflare_calls <= 60
    assert sum(steps.slept) <= reckoned.seconds


def test_what_a_pass_takes_is_reckoned_beforehand() -> None:
    assert Estimate.of(1000, 30_000, 4) == Estimate(1000, 30_000, 50, 34, 89)
    assert Estimate.of(10_000, 300_000, 4) == Estimate(10_000, 300_000, 140, 304, 354)
    assert Estimate.of(0, 0, 4) == Estimate(0, 0, 0, 4, 2)
