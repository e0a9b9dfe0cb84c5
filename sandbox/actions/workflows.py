"""A workflow file as data: read from a commit of a bare repository, parsed, and refused when invalid.

Only what the engine itself needs is looked at (triggers, concurrency, names and ids of jobs and steps);
what is inside a job is act's to judge.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from sandbox.actions import git, permissions

if TYPE_CHECKING:
    from pathlib import Path

DIRECTORY = ".github/workflows"
MAXIMUM_BYTES = 512 * 1024
_RUNS_ON = re.compile(r"\b(?:always|cancelled)\s*\(", re.IGNORECASE)


class WorkflowError(ValueError):
    """A workflow file that GitHub would refuse; the text says why."""


class _Loader(yaml.CSafeLoader):
    """YAML 1.2's booleans: `on` is a key, not True."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for letter, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
for _letter, _pattern in (("t", r"^(?:true)$"), ("f", r"^(?:false)$")):
    _Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(_pattern), [_letter])


@dataclass(frozen=True)
class Step:
    """A step as its job lists it."""

    key: str
    """How act names it: its `id`, else its index."""
    name: str
    uses: str | None
    condition: str
    is_unnamed: bool = False


@dataclass(frozen=True)
class Job:
    """A job as its workflow lists it."""

    key: str
    name: str
    needs: tuple[str, ...]
    labels: tuple[str, ...]
    steps: tuple[Step, ...]
    has_matrix: bool
    concurrency: Any = None
    environment: Any = None
    permissions: Any = None
    condition: str = ""

    @property
    def environment_name(self) -> Any:
        """Return the name of its environment, perhaps an expression; None when it has none."""
        return self.environment.get("name") if isinstance(self.environment, dict) else self.environment


def runs_on(condition: str) -> bool:
    """Say whether a job or step with this `if` runs although its run was cancelled."""
    return _RUNS_ON.search(condition) is not None


@dataclass(frozen=True)
class Workflow:
    """A valid workflow file."""

    path: str
    name: str
    triggers: dict[str, dict[str, Any]]
    jobs: tuple[Job, ...]
    run_name: str | None = None
    concurrency: Any = None
    permissions: Any = None
    text: str = field(default="", repr=False)

    def condition(self, job_key: str, step_key: str) -> str:
        """Return the `if` of a step, empty when it has none or is not listed."""
        steps = [step for job in self.jobs if job.key == job_key for step in job.steps]
        return next((step.condition for step in steps if step.key == step_key), "")

    def permissions_of(self, job: Job) -> Any:
        """Return what `job` may do: what it states itself, else what the workflow states."""
        return self.permissions if job.permissions is None else job.permissions

    def may_have_identity(self, job: Job) -> bool:
        """Say whether `job` may ask for identity tokens."""
        return permissions.may_have_identity(self.permissions_of(job))

    @property
    def is_read_only(self) -> bool:
        """Say whether no job of it asks for a token that may write."""
        return all(permissions.is_read_only(self.permissions_of(job)) for job in self.jobs)

    @property
    def uses(self) -> set[str]:
        """Return every action that a step of this workflow names."""
        return {step.uses for job in self.jobs for step in job.steps if step.uses}


@dataclass(frozen=True)
class Refused:
    """A workflow file that cannot run: GitHub shows a failed run for it."""

    path: str
    name: str
    reason: str
    text: str = field(default="", repr=False)


def at_commit(git_directory: Path, commit: str) -> list[Workflow | Refused]:
    """Return the workflows in the tree of `commit`, ordered by path."""
    found: list[Workflow | Refused] = []
    for path in git.files(git_directory, commit, DIRECTORY):
        if not path.endswith((".yml", ".yaml")):
            continue
        text = git.text(git_directory, commit, path, maximum_bytes=MAXIMUM_BYTES)
        try:
            found.append(parse(path, text))
        except WorkflowError as error:
            found.append(Refused(path, path, str(error), text))
    return found


def parse(path: str, text: str) -> Workflow:
    """Return the workflow that `text` describes.

    Raises: WorkflowError.
    """
    try:
        data = yaml.load(text, _Loader)  # noqa: S506 - _Loader is a SafeLoader
    except yaml.YAMLError as error:
        raise WorkflowError(f"You have an error in your yaml syntax: {error}") from error
    if not isinstance(data, dict):
        raise WorkflowError("The workflow must be a mapping")
    return Workflow(
        path=path,
        name=str(data.get("name") or path),
        triggers=_triggers(data.get("on")),
        jobs=_jobs(data.get("jobs")),
        run_name=data.get("run-name"),
        concurrency=data.get("concurrency"),
        permissions=data.get("permissions"),
        text=text,
    )


def _triggers(source: Any) -> dict[str, dict[str, Any]]:
    if isinstance(source, str):
        return {source: {}}
    if isinstance(source, list) and all(isinstance(event, str) for event in source):
        return {event: {} for event in source}
    if isinstance(source, dict) and source:
        return {str(event): _filters(str(event), filters) for event, filters in source.items()}
    raise WorkflowError("No event triggers defined in `on`")


def _filters(event: str, filters: Any) -> dict[str, Any]:
    if event == "schedule":
        return {"cron": filters}
    if not isinstance(filters, dict | None):
        raise WorkflowError(f"`on.{event}` must be a mapping")
    for pair in (("branches", "branches-ignore"), ("tags", "tags-ignore"), ("paths", "paths-ignore")):
        if filters and all(name in filters for name in pair):
            raise WorkflowError(f"you may only define one of `{pair[0]}` and `{pair[1]}` for a single event")
    return dict(filters or {})


def _jobs(source: Any) -> tuple[Job, ...]:
    if not isinstance(source, dict) or not source:
        raise WorkflowError("Required property is missing: jobs")
    jobs = tuple(_job(str(key), job) for key, job in source.items())
    known = {job.key for job in jobs}
    for job in jobs:
        for needed in job.needs:
            if needed not in known:
                raise WorkflowError(f"Job '{job.key}' depends on unknown job '{needed}'.")
    if all(job.needs for job in jobs):
        raise WorkflowError("The workflow must contain at least one job with no dependencies.")
    return jobs


def _job(key: str, source: Any) -> Job:
    if not isinstance(source, dict):
        raise WorkflowError(f"Job '{key}' must be a mapping")
    if "uses" not in source and ("runs-on" not in source or not source.get("steps")):
        raise WorkflowError(
            f"Required property is missing: {'steps' if 'runs-on' in source else 'runs-on'} (job '{key}')"
        )
    steps = source.get("steps") or []
    if not isinstance(steps, list):
        raise WorkflowError(f"`steps` of job '{key}' must be a list")
    return Job(
        key=key,
        name=str(source.get("name") or key),
        needs=_names(source.get("needs")),
        labels=_names(source.get("runs-on")),
        steps=tuple(_step(key, index, step) for index, step in enumerate(steps)),
        has_matrix=isinstance(source.get("strategy"), dict) and "matrix" in source["strategy"],
        concurrency=source.get("concurrency"),
        environment=source.get("environment"),
        permissions=source.get("permissions"),
        condition=str(source.get("if", "")),
    )


def _step(job: str, index: int, source: Any) -> Step:
    if not isinstance(source, dict) or ("run" in source) == ("uses" in source):
        raise WorkflowError(f"Every step must define a `uses` or `run` key (step {index + 1} of job '{job}')")
    uses = str(source["uses"]) if "uses" in source else None
    what = uses or str(source["run"]).strip().partition("\n")[0]
    return Step(
        key=str(source.get("id") or index),
        name=str(source.get("name") or f"Run {what}"),
        uses=uses,
        condition=str(source.get("if", "")),
        is_unnamed="name" not in source,
    )


def _names(source: Any) -> tuple[str, ...]:
    if source is None:
        return ()
    if isinstance(source, dict):
        source = source.get("labels") or source.get("group") or ()
    return tuple(str(name) for name in source) if isinstance(source, list) else (str(source),)
