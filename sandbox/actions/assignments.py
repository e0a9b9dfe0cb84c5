"""What one attempt is started with: its workflow, event, secrets, variables, and what its jobs may ask for.

Jobs of one run share one set of secrets: those of an environment count when every job that names an
environment names the same one. Naming one never makes a deployment here, as with `deployment: false`; it
counts in each job's identity. A pull request from a fork gets a token that only reads, no secrets, no
variables and no identity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.actions import act_input, contexts, expressions, git, workflows
from sandbox.actions.artifacts.uploads import RUNTIME_TOKEN
from sandbox.actions.oidc import claims
from sandbox.actions.oidc.issuer import REQUEST_TOKEN

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.actions.artifacts.uploads import Uploads
    from sandbox.actions.oidc.issuer import Issuer
    from sandbox.actions.ports import GitHubSide, Occasion
    from sandbox.actions.records import Run
    from sandbox.actions.toolbox import Toolbox
    from sandbox.actions.workflows import Workflow


@dataclass(frozen=True)
class Assignment:
    """Everything that act must be told of one attempt."""

    workflow: Workflow
    text: str
    """The workflow file as act is given it."""
    git_directory: Path
    commit: str
    event: str
    payload: dict[str, Any]
    actor: str
    environment: dict[str, str]
    """The variables that every step has: `GITHUB_*` and where the runner's services are."""
    secrets: dict[str, str]
    variables: dict[str, str]
    actions: dict[str, Path]
    tracking_id: str
    hidden: tuple[str, ...] = ()
    """What no log may show beside the secrets."""


@dataclass(frozen=True)
class Assigner:
    """Makes the assignments of one engine."""

    github: GitHubSide
    toolbox: Toolbox
    issuer: Issuer
    uploads: Uploads

    def assign(self, run: Run) -> Assignment:
        """Return what the present attempt of `run` is started with.

        Raises: WorkflowError, UnknownActionError, GitError, ExpressionError.
        """
        occasion = run.caused_by()
        git_directory = self.github.git_directory(run.repository_id)
        text = git.text(git_directory, run.sha, run.path, maximum_bytes=workflows.MAXIMUM_BYTES)
        workflow = workflows.parse(run.path, text)
        repository = self.github.repository(run.repository_id)
        context = contexts.of_run(contexts.github(occasion, repository, self.github), run)
        environments = self._environments(workflow, occasion, context)
        shared = _only(environments)
        asked = self._identities(workflow, occasion, context, environments)
        services = self.uploads.admit(run)
        tokens = [services[RUNTIME_TOKEN], *(variables[REQUEST_TOKEN] for variables in asked.values())]
        return Assignment(
            workflow=workflow,
            text=act_input.adapted(text, asked),
            git_directory=git_directory,
            commit=run.sha,
            event=run.event,
            payload=occasion.payload,
            actor=context["actor"],
            environment=contexts.as_environment(context) | services,
            secrets=self._secrets(occasion, workflow, shared),
            variables=self._variables(occasion, shared),
            actions=self.toolbox.actions_for(workflow.uses, self.github),
            tracking_id=run.tracking_id,
            hidden=tuple(tokens),
        )

    def dismiss(self, run: Run) -> None:
        """Take back what the jobs of `run` may ask for; may run twice."""
        self.issuer.dismiss(run.id)
        self.uploads.dismiss(run.id)

    def _environments(
        self, workflow: Workflow, occasion: Occasion, context: dict[str, Any]
    ) -> dict[str, str]:
        """Return the names of the environments by the jobs that name one."""
        known = {"github": context, "vars": self._variables(occasion, None), "inputs": inputs(occasion)}
        named = {job.key: expressions.value_of(job.environment_name, known) for job in workflow.jobs}
        return {key: expressions.as_text(name) for key, name in named.items() if name}

    def _identities(
        self, workflow: Workflow, occasion: Occasion, context: dict[str, Any], environments: dict[str, str]
    ) -> dict[str, dict[str, str]]:
        """Return the variables with which jobs ask for identity tokens, by the jobs that may."""
        if occasion.is_fork_pull_request:
            return {}
        repository, run_id = self.github.repository(occasion.repository_id), int(context["run_id"])
        jobs = [job for job in workflow.jobs if workflow.may_have_identity(job)]
        said = {job.key: claims.of_job(context, repository, job, environments.get(job.key)) for job in jobs}
        return {key: self.issuer.admit(run_id, key, claimed) for key, claimed in said.items()}

    def _secrets(self, occasion: Occasion, workflow: Workflow, environment: str | None) -> dict[str, str]:
        """Return the secrets of the run: those of a fork's pull request are a token that only reads."""
        repository_id = occasion.repository_id
        read_only = occasion.is_fork_pull_request or workflow.is_read_only
        token = {"GITHUB_TOKEN": self.github.job_token(repository_id, read_only=read_only)}
        return (
            token
            if occasion.is_fork_pull_request
            else self.github.secrets(repository_id, environment) | token
        )

    def _variables(self, occasion: Occasion, environment: str | None) -> dict[str, str]:
        """Return the variables of the run; GitHub gives none to a fork's pull request either."""
        if occasion.is_fork_pull_request:
            return {}
        return self.github.variables(occasion.repository_id, environment)


def inputs(occasion: Occasion) -> dict[str, object]:
    """Return the `inputs` context of an occasion."""
    return dict(occasion.payload.get("inputs") or {}) if occasion.event == "workflow_dispatch" else {}


def _only(environments: dict[str, str]) -> str | None:
    """Return the one environment that the jobs name, None when there is none or several."""
    names = set(environments.values())
    return names.pop() if len(names) == 1 else None
