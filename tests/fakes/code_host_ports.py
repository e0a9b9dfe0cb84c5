"""The code host's ports over one `FakeCodeHost`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from app.domain.apps import Repository
from app.domain.deployments import Deployment
from app.domain.environments import Environment
from app.errors import RemoteConflict, RemoteMissing
from app.ports import File, WorkflowRun
from tests.fakes.code_host import (
    LOGIN,
    WORKFLOW_PATH,
    FakeCodeHost,
    FakeComment,
    FakeRecord,
    FakeRepository,
    FakeStatus,
    FakeWebhook,
)


@dataclass
class FakeRepositories:
    host: FakeCodeHost

    def find(self, full_name: str) -> Repository | None:
        with self.host.faults.during("find"):
            found = self.host.repositories.get(full_name)
            return found.description if found else None

    def fork(self, template: str, owner: str, name: str) -> Repository:
        with self.host.faults.during("fork"):
            full_name = f"{owner}/{name}"
            self.host.wrote(full_name)
            source = self.host.repository(template)
            known = None if self.host.allows_second_fork else self._fork_of(template, owner)
            if known:
                return known.description
            made = self.host.create(full_name, parent=template)
            made.are_actions_enabled = False
            made.is_workflow_enabled = not self.host.forks_are_silent
            made.looks_until_filled = self.host.looks_until_fork_is_filled
            self.host.copy(source, made)
            return made.description

    def generate(self, template: str, owner: str, name: str, *, is_private: bool) -> Repository:
        with self.host.faults.during("generate"):
            full_name = f"{owner}/{name}"
            self.host.wrote(full_name)
            source = self.host.repository(template)
            if not source.is_template:
                raise RemoteMissing(f"generating {full_name} from {template}: not a template")
            made = self.host.create(full_name, is_private=is_private)
            files = list(source.commits[source.branches["main"]].files.values())
            made.branches["main"] = self.host.add_commit(made, files, "Initial commit", None).sha
            return made.description

    def enable_actions(self, full_name: str) -> None:
        with self.host.faults.during("enable_actions"):
            repository = self.host.repository(full_name)
            if not repository.are_actions_enabled:
                self.host.wrote(full_name)
                repository.are_actions_enabled = True

    def delete(self, full_name: str) -> None:
        with self.host.faults.during("delete"):
            self.host.wrote(full_name)
            gone = self.host.repositories.pop(full_name, None)
            former = [name for name, it in self.host.repositories.items() if it is gone]
            for name in former:
                del self.host.repositories[name]

    def _fork_of(self, template: str, owner: str) -> FakeRepository | None:
        forks = (it for it in self.host.repositories.values() if it.description.parent_full_name == template)
        return next((it for it in forks if it.full_name.startswith(f"{owner}/")), None)


@dataclass
class FakeContents:
    host: FakeCodeHost

    def head(self, full_name: str, branch: str) -> str | None:
        with self.host.faults.during("head"):
            repository = self.host.repositories.get(full_name)
            if repository is None:
                return None
            if repository.looks_until_filled:
                repository.looks_until_filled -= 1
                return None
            return repository.branches.get(branch)

    def find_commit(self, full_name: str, branch: str, trailer: str) -> str | None:
        with self.host.faults.during("find_commit"):
            repository = self.host.repositories.get(full_name)
            sha = repository.branches.get(branch) if repository else None
            while repository and sha:
                commit = repository.commits[sha]
                if trailer in commit.message.splitlines():
                    return sha
                sha = commit.parent
            return None

    def commit(
        self,
        full_name: str,
        branch: str,
        files: Sequence[File],
        message: str,
        *,
        parent: str,
        deleted: Collection[str] = (),
        is_new: bool = False,
    ) -> str:
        with self.host.faults.during("commit"):
            repository = self.host.repository(full_name)
            if parent not in repository.commits:
                raise RemoteMissing(f"committing to {full_name}: no commit {parent[:7]}")
            self.host.wrote(full_name, 3 + sum(map(_is_binary, files)))
            if not set(deleted) <= repository.commits[parent].files.keys():
                raise RemoteConflict(f"committing to {full_name}: what is deleted is not there")
            commit = self.host.add_commit(repository, files, message, parent, deleted)
            if repository.branches.get(branch) != (None if is_new else parent):
                raise RemoteConflict(f"committing to {full_name}: {branch} moved, or is not new")
            self.host.move(repository, branch, commit.sha)
            return commit.sha

    def ensure_branch(self, full_name: str, branch: str, commit: str) -> None:
        with self.host.faults.during("ensure_branch"):
            repository = self.host.repository(full_name)
            if branch in repository.branches:
                return
            self.host.wrote(full_name)
            if commit not in repository.commits:
                raise RemoteConflict(f"creating branch {branch} in {full_name}: object does not exist")
            self.host.move(repository, branch, commit)


def _is_binary(file: File) -> bool:
    try:
        return "\0" in file.content.decode()
    except UnicodeDecodeError:
        return True


@dataclass
class FakeRepositorySettings:
    host: FakeCodeHost

    def set_variable(self, full_name: str, name: str, value: str) -> None:
        with self.host.faults.during("set_variable"):
            variables = self.host.repository(full_name).variables
            if variables.get(name) != value:
                self.host.wrote(full_name)
                variables[name] = value

    def set_secret(self, full_name: str, name: str, value: str) -> None:
        with self.host.faults.during("set_secret"):
            self.host.repository(full_name).secrets[name] = value
            self.host.wrote(full_name)

    def ensure_webhook(self, full_name: str, url: str, secret: str, events: Sequence[str]) -> None:
        with self.host.faults.during("ensure_webhook"):
            webhooks = self.host.repository(full_name).webhooks
            known = webhooks.get(url)
            if known is None or not known.is_active or set(known.events) != set(events):
                self.host.wrote(full_name)
                webhooks[url] = FakeWebhook(secret, tuple(events), known.id if known else self.host.number())

    def ensure_environment(self, full_name: str, name: str) -> None:
        with self.host.faults.during("ensure_environment"):
            environments = self.host.repository(full_name).environments
            if name not in environments:
                self.host.wrote(full_name)
                environments.add(name)


@dataclass
class FakeRuns:
    host: FakeCodeHost

    def of_commit(self, full_name: str, commit: str) -> Sequence[WorkflowRun]:
        with self.host.faults.during("of_commit"):
            runs = self.host.repository(full_name).runs
            return [it.run for it in reversed(runs) if it.commit == commit]

    def enable_workflow(self, full_name: str) -> None:
        with self.host.faults.during("enable_workflow"):
            self.host.wrote(full_name)
            self._with_workflow(full_name).is_workflow_enabled = True

    def dispatch(self, full_name: str, branch: str) -> None:
        with self.host.faults.during("dispatch"):
            self.host.wrote(full_name)
            repository = self._with_workflow(full_name)
            if not (repository.are_actions_enabled and repository.is_workflow_enabled):
                raise RemoteConflict(f"starting the workflow of {full_name}: it is disabled")
            if branch not in repository.branches:
                raise RemoteConflict(f"starting the workflow of {full_name}: no branch {branch}")
            self.host.start_run(repository, branch, "workflow_dispatch")

    def rerun(self, full_name: str, run_id: int) -> None:
        with self.host.faults.during("rerun"):
            self.host.wrote(full_name)
            known = {it.run.id: it.run for it in self.host.repository(full_name).runs}
            run = known.get(run_id)
            if run is None:
                raise RemoteMissing(f"repeating run {run_id} in {full_name}: not found")
            if run.status != "completed":
                reason = "This workflow is already running"
                raise RemoteConflict(f"repeating run {run_id}: {reason}", code="run:not-repeatable")
            self.host.set_run(full_name, run_id, "queued", attempt=run.attempt + 1)

    def cancel(self, full_name: str, run_id: int) -> None:
        with self.host.faults.during("cancel"):
            self.host.wrote(full_name)
            runs = {it.run.id: it.run for it in self.host.repository(full_name).runs}
            if run_id not in runs:
                raise RemoteMissing(f"cancelling run {run_id} in {full_name}: not found")
            if runs[run_id].status != "completed":
                self.host.set_run(full_name, run_id, "completed", "cancelled")

    def _with_workflow(self, full_name: str) -> FakeRepository:
        repository = self.host.repository(full_name)
        if WORKFLOW_PATH not in repository.files("main"):
            raise RemoteMissing(f"looking for the workflow of {full_name}: not found")
        return repository


@dataclass
class FakePublications:
    host: FakeCodeHost

    def set_commit_status(
        self, full_name: str, commit: str, *, state: str, context: str, description: str, target_url: str
    ) -> None:
        with self.host.faults.during("set_commit_status"):
            self.host.wrote(full_name)
            repository = self.host.repository(full_name)
            if commit not in repository.commits:
                raise RemoteConflict(f"setting the status of {commit[:7]} in {full_name}: no such commit")
            repository.statuses[commit, context] = FakeStatus(state, description, target_url)

    def ensure_deployment(self, full_name: str, deployment: Deployment) -> int:
        with self.host.faults.during("ensure_deployment"):
            repository = self.host.repository(full_name)
            for number, known in repository.records.items():
                if known.deployment_id == deployment.id:
                    return number
            self.host.wrote(full_name)
            if deployment.commit not in repository.commits:
                raise RemoteConflict(f"recording deployment {deployment.id} in {full_name}: no such commit")
            is_head = repository.branches.get(deployment.branch) == deployment.commit
            ref = deployment.branch if is_head else deployment.commit
            record = FakeRecord(deployment.id, deployment.commit, ref, deployment.environment.value)
            number = self.host.number()
            repository.records[number] = record
            return number

    def set_deployment_status(
        self,
        full_name: str,
        record_id: int,
        *,
        state: str,
        environment: Environment,
        description: str,
        environment_url: str | None,
        log_url: str,
    ) -> None:
        with self.host.faults.during("set_deployment_status"):
            self.host.wrote(full_name)
            record = self.host.repository(full_name).records.get(record_id)
            if record is None:
                raise RemoteMissing(f"setting deployment record {record_id} in {full_name}: not found")
            record.statuses.append(
                {
                    "state": state,
                    "environment": environment.value,
                    "description": description,
                    "environment_url": environment_url,
                    "log_url": log_url,
                }
            )


@dataclass
class FakeComments:
    host: FakeCodeHost

    def find(self, full_name: str, number: int, marker: str) -> int | None:
        with self.host.faults.during("find_comment"):
            comments = self.host.repository(full_name).comments
            ours = (
                comment_id
                for comment_id, it in sorted(comments.items())
                if it.number == number and it.author == LOGIN and marker in it.body
            )
            return next(ours, None)

    def create(self, full_name: str, number: int, body: str) -> int:
        with self.host.faults.during("create_comment"):
            repository = self.host.repository(full_name)
            self.host.wrote(full_name)
            comment_id = self.host.number()
            repository.comments[comment_id] = FakeComment(number, LOGIN, body)
            return comment_id

    def update(self, full_name: str, comment_id: int, body: str) -> bool:
        with self.host.faults.during("update_comment"):
            self.host.wrote(full_name)
            comment = self.host.repository(full_name).comments.get(comment_id)
            if comment is None:
                return False
            comment.body = body
            return True
