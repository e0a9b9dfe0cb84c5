"""A code host as the contract suite drives it: the fake, and the adapter speaking to a sandbox GitHub.

Both offer the same ports, and beside them what other people do and what a test may look at.
"""

import json
import re
import subprocess
import sys
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Protocol, TypeVar

import httpx

from app.domain.git_addresses import GitAddress
from app.domain.rights import Level
from app.git.histories import GitHistories
from app.github.artifacts import GitHubArtifacts
from app.github.builds import GitHubBuildLogs
from app.github.client import GitHub
from app.github.comments import GitHubComments
from app.github.comparisons import GitHubComparisons
from app.github.contents import GitHubContents
from app.github.downloads import GitHubDownloads
from app.github.files import GitHubFiles
from app.github.members import GitHubMembers, GitHubPullHeads
from app.github.memberships import GitHubMemberships
from app.github.new_repositories import GitHubNewRepositories
from app.github.proposals import GitHubProposals
from app.github.publications import GitHubPublications
from app.github.repositories import GitHubRepositories
from app.github.repository_settings import GitHubRepositorySettings
from app.github.runs import GitHubRuns
from app.github.sights import GitHubSights
from app.github.trees import GitHubTrees
from app.github.upstreams import GitHubUpstreams
from app.ports import (
    Artifacts,
    BuildJob,
    BuildLogs,
    BuildStep,
    Comments,
    Comparisons,
    Contents,
    Downloads,
    File,
    Files,
    Histories,
    Members,
    NewRepositories,
    Proposals,
    Publications,
    PullHeads,
    Repositories,
    RepositorySettings,
    Runs,
    Sights,
    Trees,
    Upstreams,
)
from app.ports.people import Account, Memberships
from app.settings import Secret
from tests.accounts import github_settings
from tests.fakes.code_host import LOGIN, FakeCodeHost
from tests.fakes.code_host_builds import FakeBuildLogs, FakeComparisons
from tests.fakes.code_host_files import FakeDownloads, FakeFiles, FakeProposals, FakeTrees
from tests.fakes.code_host_forks import FakeArtifacts, FakeMembers, FakePullHeads, leave_artifact
from tests.fakes.code_host_histories import (
    FakeHistories,
    FakeNewRepositories,
    FakeUpstreams,
    place_elsewhere,
    push_elsewhere,
)
from tests.fakes.code_host_people import FakeMemberships, sign_up
from tests.fakes.code_host_ports import (
    FakeComments,
    FakeContents,
    FakePublications,
    FakeRepositories,
    FakeRepositorySettings,
    FakeRuns,
)
from tests.fakes.code_host_sights import FakeSights

ROOT = Path(__file__).parents[3]
ORG, TEMPLATE = "acme", "acme/template"
TEMPLATE_FILES = {"package.json": b"{}\n", "src/index.ts": b"export {};\n"}
STRANGER, OUTSIDER = "ada", "mallory"
_PERMISSIONS = {Level.READ: "pull", Level.WRITE: "push", Level.ADMIN: "admin"}

UNKNOWN = "0123456789abcdef0123456789abcdef01234567"
WORKFLOW = File(
    ".github/workflows/deploy.yml",
    b"""\
on: [push, workflow_dispatch]
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - run: sleep 60
""",
)

# One that only a hand starts: whoever commits it leaves no run behind that others wait for.
SILENT_WORKFLOW = File(WORKFLOW.path, WORKFLOW.content.replace(b"push, ", b""))
# One whose runs come one after another: the newest waits, and is over at once when it is cancelled.
QUEUEING_WORKFLOW = File(WORKFLOW.path, b"concurrency: deploy\n" + WORKFLOW.content)
# One of another name, whose runs are over at once.
OTHER_WORKFLOW = File(".github/workflows/other.yml", WORKFLOW.content.replace(b"sleep 60", b"exit 0"))

BUILDING = b"""\
on: push
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - name: Build
        run: echo '%s'
"""

LEAVING = b"""\
on: push
jobs:
  leave:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd
      - uses: actions/upload-artifact@b7c566a772e6b6bfb58ed0dc250532a479d7789f
        with: {name: %s, path: left.txt}
"""

T = TypeVar("T")


def eventually(look: Callable[[], T | None], timeout: float = 60.0) -> T:
    """Return what `look` returns once it is not None; at the end of the time, fail."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        found = look()
        if found is not None:
            return found
        time.sleep(0.02)
    raise AssertionError(f"nothing within {timeout} seconds")


class CodeHost(Protocol):
    """The ports, and what stands beside them."""

    repositories: Repositories
    contents: Contents
    settings: RepositorySettings
    runs: Runs
    publications: Publications
    comments: Comments
    trees: Trees
    files: Files
    proposals: Proposals
    downloads: Downloads
    new_repositories: NewRepositories
    upstreams: Upstreams
    histories: Histories
    members: Members
    memberships: Memberships
    pull_heads: PullHeads
    artifacts: Artifacts
    build_logs: BuildLogs
    comparisons: Comparisons
    sights: Sights
    login: str

    @property
    def writes(self) -> int:
        """How many writes were sent so far."""

    def file(self, full_name: str, branch: str, path: str) -> bytes | None:
        """Read a file at a branch's head."""

    def rename(self, full_name: str, name: str) -> None:
        """Rename a repository behind our back."""

    def archive(self, full_name: str) -> None:
        """Archive a repository behind our back."""

    def switch_off(self, full_name: str) -> None:
        """Switch Actions and all webhooks off behind our back."""

    def open_pull(self, full_name: str, branch: str) -> int:
        """Open a pull request as the stranger and return its number."""

    def close_pull(self, full_name: str, number: int) -> None:
        """Close a pull request as the stranger."""

    def invite(self, full_name: str, login: str) -> None:
        """Let somebody push to a repository."""

    def account(self, login: str) -> Account:
        """Return somebody's account."""

    def token_of(self, login: str) -> str:
        """Return a token of somebody's own."""

    def let(self, full_name: str, login: str, level: Level) -> None:
        """Let somebody do that much in a repository, behind our back; nothing takes it back."""

    def leave(self, full_name: str, name: str, content: bytes) -> int:
        """Have a run leave an artifact with a file of that content, and return the run."""

    def build(self, full_name: str, line: str) -> int:
        """Have a run write a line, and return it when it is over."""

    def begin(self, full_name: str) -> int:
        """Have a run begin that goes on for a while, and return it."""

    def lose_logs(self, full_name: str, run_id: int) -> None:
        """Have what a run wrote kept no more."""

    def say(self, full_name: str, number: int, body: str) -> int:
        """Comment on a pull request as the stranger."""

    def delete_comment(self, full_name: str, comment_id: int) -> None:
        """Delete a comment behind our back."""

    def plant(self, full_name: str, path: str, mode: str, content: str) -> None:
        """Commit to main what only git itself makes; a submodule's content is the name of its commit."""

    def tag(self, full_name: str, name: str, commit: str) -> None:
        """Tag a commit."""

    def elsewhere(self, files: Mapping[str, bytes], branch: str = "main") -> GitAddress:
        """Have a public repository somewhere else, empty when it has no files."""

    def push_elsewhere(self, address: GitAddress, branch: str, files: Mapping[str, bytes]) -> str:
        """Commit to it, on a branch that may be new, and return the commit."""


class FakeHost:
    """The fake."""

    def __init__(self) -> None:
        self.host = FakeCodeHost()
        self.host.add_repository(TEMPLATE, TEMPLATE_FILES, is_template=True)
        self.host.add_repository(f"{ORG}/plain", TEMPLATE_FILES)
        self.repositories: Repositories = FakeRepositories(self.host)
        self.contents: Contents = FakeContents(self.host)
        self.settings: RepositorySettings = FakeRepositorySettings(self.host)
        self.runs: Runs = FakeRuns(self.host)
        self.publications: Publications = FakePublications(self.host)
        self.comments: Comments = FakeComments(self.host)
        self.trees: Trees = FakeTrees(self.host)
        self.files: Files = FakeFiles(self.host)
        self.proposals: Proposals = FakeProposals(self.host)
        self.downloads: Downloads = FakeDownloads(self.host)
        self.new_repositories: NewRepositories = FakeNewRepositories(self.host)
        self.upstreams: Upstreams = FakeUpstreams(self.host)
        self.members: Members = FakeMembers(self.host)
        self.memberships: Memberships = FakeMemberships(self.host)
        for number, login in enumerate((STRANGER, OUTSIDER), 901):
            sign_up(self.host, login, number, f"gho_{login}")
        self.host.members.add(STRANGER)
        self.pull_heads: PullHeads = FakePullHeads(self.host)
        self.artifacts: Artifacts = FakeArtifacts(self.host)
        self.build_logs: BuildLogs = FakeBuildLogs(self.host)
        self.comparisons: Comparisons = FakeComparisons(self.host)
        self.sights: Sights = FakeSights(self.host)
        self.login = LOGIN
        self.histories: Histories = FakeHistories(self.host)

    @property
    def writes(self) -> int:
        return self.host.writes.total()

    def file(self, full_name: str, branch: str, path: str) -> bytes | None:
        return self.host.repository(full_name).files(branch).get(path)

    def rename(self, full_name: str, name: str) -> None:
        self.host.rename(full_name, f"{ORG}/{name}")

    def archive(self, full_name: str) -> None:
        self.host.repository(full_name).is_archived = True

    def switch_off(self, full_name: str) -> None:
        self.host.repository(full_name).are_actions_enabled = False
        for webhook in self.host.repository(full_name).webhooks.values():
            webhook.is_active = False

    def open_pull(self, full_name: str, branch: str) -> int:
        assert branch in self.host.repository(full_name).branches
        number = self.host.number()
        self.host.repository(full_name).proposed[number] = branch
        return number

    def close_pull(self, full_name: str, number: int) -> None:
        self.host.repository(full_name).proposed[number] = ""

    def invite(self, full_name: str, login: str) -> None:
        self.host.repository(full_name).writers.add(login)

    def account(self, login: str) -> Account:
        return Account(self.host.accounts[login], login, None, None)

    def token_of(self, login: str) -> str:
        return next(token for token, owner in self.host.bearers.items() if owner == login)

    def let(self, full_name: str, login: str, level: Level) -> None:
        levels = self.host.repository(full_name).levels
        if level is Level.NONE:
            levels.pop(login, None)
        else:
            levels[login] = level

    def leave(self, full_name: str, name: str, content: bytes) -> int:
        run_id = self.host.number()
        leave_artifact(self.host, full_name, run_id, name, content)
        return run_id

    def build(self, full_name: str, line: str) -> int:
        run_id = self.host.number()
        job_id = self._begun(full_name, run_id, "completed")
        self.host.repository(full_name).logs[job_id] = f"2026-11-22T12:00:00.0000000Z {line}\n".encode()
        return run_id

    def begin(self, full_name: str) -> int:
        commit(self, full_name, WORKFLOW)
        run_id = self.host.repository(full_name).runs[-1].run.id
        self._begun(full_name, run_id, "in_progress")
        return run_id

    def lose_logs(self, full_name: str, run_id: int) -> None:
        repository = self.host.repository(full_name)
        for job in repository.jobs[run_id, 1]:
            del repository.logs[job.id]

    def _begun(self, full_name: str, run_id: int, status: str) -> int:
        """Keep the job of a run, with one step, and return its id."""
        job_id, now = self.host.number(), datetime.now(UTC)
        ended = ("success", now) if status == "completed" else (None, None)
        step = BuildStep(1, "Set up job", "completed", "success", now, now)
        url = f"https://github.test/{full_name}/actions/runs/{run_id}/job/{job_id}"
        job = BuildJob(job_id, "deploy", status, ended[0], url, now, ended[1], [step])
        self.host.repository(full_name).jobs[run_id, 1] = [job]
        return job_id

    def say(self, full_name: str, number: int, body: str) -> int:
        return self.host.say(full_name, number, body, author=STRANGER)

    def delete_comment(self, full_name: str, comment_id: int) -> None:
        del self.host.repository(full_name).comments[comment_id]

    def plant(self, full_name: str, path: str, mode: str, content: str) -> None:
        repository = self.host.repository(full_name)
        file = File(path, content.encode(), mode)
        made = self.host.add_commit(repository, [file], "Plant", repository.branches["main"])
        repository.branches["main"] = made.sha

    def tag(self, full_name: str, name: str, commit: str) -> None:
        self.host.repository(full_name).tags[name] = commit

    def elsewhere(self, files: Mapping[str, bytes], branch: str = "main") -> GitAddress:
        return place_elsewhere(self.host, f"https://git.example/{new_name('elsewhere')}", files, branch)

    def push_elsewhere(self, address: GitAddress, branch: str, files: Mapping[str, bytes]) -> str:
        return push_elsewhere(self.host, address.url, branch, files)


class SandboxHost:
    """The adapter, speaking to a `python -m sandbox.github` of its own."""

    def __init__(self, directory: Path) -> None:
        self._process = _start(directory)
        assert self._process.stdout
        listening = re.fullmatch(r"listening on (\S+)\n", self._process.stdout.readline())
        assert listening
        self.api_url = f"{listening[1]}/api/v3"
        self.directory = directory / "state"
        self._tokens: dict[str, str] = json.loads((directory / "state/tokens.json").read_bytes())
        self._http = httpx.Client(base_url=self.api_url, timeout=60, trust_env=False)
        self.sent: list[str] = []
        settings = github_settings(self.api_url, token=Secret(self._tokens["branchline-bot"]))
        github = GitHub(settings, lambda: datetime.now(UTC), on_write=self._on_write)
        self.repositories: Repositories = GitHubRepositories(github)
        self.contents: Contents = GitHubContents(github)
        self.settings: RepositorySettings = GitHubRepositorySettings(github)
        self.runs: Runs = GitHubRuns(github)
        self.publications: Publications = GitHubPublications(github)
        self.comments: Comments = GitHubComments(github)
        self.trees: Trees = GitHubTrees(github)
        self.files: Files = GitHubFiles(github)
        self.proposals: Proposals = GitHubProposals(github)
        self.downloads: Downloads = GitHubDownloads(github)
        self.new_repositories: NewRepositories = GitHubNewRepositories(github)
        self.upstreams: Upstreams = GitHubUpstreams(github)
        self.members: Members = GitHubMembers(github)
        self.memberships: Memberships = GitHubMemberships(github)
        self.pull_heads: PullHeads = GitHubPullHeads(github)
        self.artifacts: Artifacts = GitHubArtifacts(github)
        self.build_logs: BuildLogs = GitHubBuildLogs(github)
        self.comparisons: Comparisons = GitHubComparisons(github)
        self.sights: Sights = GitHubSights(github)
        self.login = "branchline-bot"
        self.histories: Histories = GitHistories(github.token)
        self._call("POST", f"/orgs/{ORG}/repos", {"name": "plain", "auto_init": True})

    @property
    def writes(self) -> int:
        return len(self.sent)

    def file(self, full_name: str, branch: str, path: str) -> bytes | None:
        found = self._http.get(
            f"/repos/{full_name}/contents/{path}", params={"ref": branch}, headers=self._as("branchline-bot")
        )
        return b64decode(found.json()["content"]) if found.is_success else None

    def rename(self, full_name: str, name: str) -> None:
        self._call("PATCH", f"/repos/{full_name}", {"name": name})

    def archive(self, full_name: str) -> None:
        self._call("PATCH", f"/repos/{full_name}", {"archived": True})

    def switch_off(self, full_name: str) -> None:
        self._call("PUT", f"/repos/{full_name}/actions/permissions", {"enabled": False})
        for hook in self._call("GET", f"/repos/{full_name}/hooks"):
            self._call("PATCH", f"/repos/{full_name}/hooks/{hook['id']}", {"active": False})

    def open_pull(self, full_name: str, branch: str) -> int:
        body = {"title": branch, "head": branch, "base": "main"}
        return int(self._call("POST", f"/repos/{full_name}/pulls", body, by=STRANGER)["number"])

    def close_pull(self, full_name: str, number: int) -> None:
        self._call("PATCH", f"/repos/{full_name}/pulls/{number}", {"state": "closed"}, by=STRANGER)

    def invite(self, full_name: str, login: str) -> None:
        self._call("PUT", f"/repos/{full_name}/collaborators/{login}", {"permission": "push"})

    def account(self, login: str) -> Account:
        told = self._call("GET", f"/users/{login}")
        return Account(told["id"], told["login"], told["name"], told["avatar_url"])

    def token_of(self, login: str) -> str:
        return self._tokens[login]

    def let(self, full_name: str, login: str, level: Level) -> None:
        place = f"/repos/{full_name}/collaborators/{login}"
        if level is Level.NONE:
            self._call("DELETE", place)
        else:
            self._call("PUT", place, {"permission": _PERMISSIONS[level]})

    def create_own(self, name: str) -> None:
        """Create a repository of our own account's, which no organisation lets anybody into."""
        self._call("POST", "/user/repos", {"name": name, "auto_init": True})

    def leave(self, full_name: str, name: str, content: bytes) -> int:
        files = [File("left.txt", content), File(".github/workflows/leave.yml", LEAVING % name.encode())]
        made = commit(self, full_name, *files)
        runs = f"/repos/{full_name}/actions/runs?head_sha={made}&status=success"
        run = eventually(lambda: next(iter(self._call("GET", runs)["workflow_runs"]), None), 60)
        return int(run["id"])

    def build(self, full_name: str, line: str) -> int:
        made = commit(self, full_name, File(".github/workflows/build.yml", BUILDING % line.encode()))
        runs = f"/repos/{full_name}/actions/runs?head_sha={made}&status=success"
        run = eventually(lambda: next(iter(self._call("GET", runs)["workflow_runs"]), None), 60)
        return int(run["id"])

    def begin(self, full_name: str) -> int:
        made = commit(self, full_name, WORKFLOW)
        runs = f"/repos/{full_name}/actions/runs?head_sha={made}&status=in_progress"
        run = eventually(lambda: next(iter(self._call("GET", runs)["workflow_runs"]), None), 60)
        return int(run["id"])

    def lose_logs(self, full_name: str, run_id: int) -> None:
        self._call("DELETE", f"/repos/{full_name}/actions/runs/{run_id}/logs")

    def say(self, full_name: str, number: int, body: str) -> int:
        comments = f"/repos/{full_name}/issues/{number}/comments"
        return int(self._call("POST", comments, {"body": body}, by=STRANGER)["id"])

    def delete_comment(self, full_name: str, comment_id: int) -> None:
        self._call("DELETE", f"/repos/{full_name}/issues/comments/{comment_id}")

    def plant(self, full_name: str, path: str, mode: str, content: str) -> None:
        git = f"/repos/{full_name}/git"
        head = self._call("GET", f"{git}/ref/heads/main")["object"]["sha"]
        what = {"sha": content} if mode == "160000" else {"content": content}
        entry = {"path": path, "mode": mode, "type": "commit" if mode == "160000" else "blob", **what}
        tree = self._call("POST", f"{git}/trees", {"base_tree": head, "tree": [entry]})["sha"]
        body = {"message": "Plant", "tree": tree, "parents": [head]}
        self._call(
            "PATCH", f"{git}/refs/heads/main", {"sha": self._call("POST", f"{git}/commits", body)["sha"]}
        )

    def tag(self, full_name: str, name: str, commit: str) -> None:
        self._call("POST", f"/repos/{full_name}/git/refs", {"ref": f"refs/tags/{name}", "sha": commit})

    def elsewhere(self, files: Mapping[str, bytes], branch: str = "main") -> GitAddress:
        name = f"{ORG}/{new_name('elsewhere')}"
        self._call("POST", f"/orgs/{ORG}/repos", {"name": name.partition("/")[2], "auto_init": bool(files)})
        site = self.api_url.removesuffix("/api/v3")
        address = GitAddress.parse(f"{site}/{name}.git", [site])
        if files and branch != "main":
            self.push_elsewhere(address, branch, {})
            self._call("PATCH", f"/repos/{name}", {"default_branch": branch})
            self._call("DELETE", f"/repos/{name}/git/refs/heads/main")
        if files:
            self.push_elsewhere(address, branch, files)
        return address

    def push_elsewhere(self, address: GitAddress, branch: str, files: Mapping[str, bytes]) -> str:
        name = "/".join(address.url.removesuffix(".git").rsplit("/", 2)[1:])
        default = self._call("GET", f"/repos/{name}")["default_branch"]
        known = self._http.get(f"/repos/{name}/git/ref/heads/{branch}", headers=self._as("branchline-bot"))
        if not known.is_success:
            head = self._call("GET", f"/repos/{name}/git/ref/heads/{default}")["object"]["sha"]
            self._call("POST", f"/repos/{name}/git/refs", {"ref": f"refs/heads/{branch}", "sha": head})
        for path, content in files.items():
            self._write(name, branch, path, content)
        return str(self._call("GET", f"/repos/{name}/git/ref/heads/{branch}")["object"]["sha"])

    def _write(self, name: str, branch: str, path: str, content: bytes) -> None:
        url, look = f"/repos/{name}/contents/{path}", {"ref": branch}
        known = self._http.get(url, params=look, headers=self._as("branchline-bot"))
        body = {"message": f"Write {path}", "branch": branch, "content": b64encode(content).decode()}
        if known.is_success:
            body["sha"] = known.json()["sha"]
        self._call("PUT", url, body)

    def close(self) -> None:
        """End the process and check that it went well."""
        self._http.close()
        self._process.terminate()
        assert self._process.stdout
        self._process.stdout.close()
        assert self._process.wait(60) == 0

    def _on_write(self, verb: str, path: str) -> None:
        self.sent.append(f"{verb} {path}")

    def _as(self, login: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._tokens[login]}"}

    def _call(self, method: str, path: str, body: Any = None, *, by: str = "branchline-bot") -> Any:
        response = self._http.request(method, path, json=body, headers=self._as(by))
        assert response.is_success, response.text
        return response.json() if response.content else None


def _start(directory: Path) -> subprocess.Popen[str]:
    template = directory / "template"
    for path, content in TEMPLATE_FILES.items():
        (template / path).parent.mkdir(parents=True, exist_ok=True)
        (template / path).write_bytes(content)
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "sandbox.github"),
            *("--directory", str(directory / "state"), "--port", "0", "--org", ORG),
            *("--template-from", str(template), "--fork-delay-seconds", "0.1", "--rate-limit", "100000"),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


_numbers = count(1)


def new_name(prefix: str) -> str:
    """Return a name that no repository has."""
    return f"{prefix}-{next(_numbers)}"


def head(host: CodeHost, full_name: str, branch: str = "main") -> str:
    found = host.contents.head(full_name, branch)
    assert found is not None
    return found


def commit(
    host: CodeHost, full_name: str, *files: File, message: str = "Change", branch: str = "main"
) -> str:
    parent = head(host, full_name, branch)
    return host.contents.commit(full_name, branch, files, message, parent=parent)


@contextmanager
def writes(host: CodeHost, expected: int) -> Iterator[None]:
    """Check how many writes it takes."""
    before = host.writes
    yield
    assert host.writes - before == expected
