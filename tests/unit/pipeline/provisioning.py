"""What the tests of provisioning share: the steps it takes, and what there is when it is done."""

from app.domain.apps import AppStatus
from app.domain.events import Tag
from app.pipeline.generate import GivenFile
from app.pipeline.install import WEBHOOK_EVENTS
from tests.unit.pipeline.world import NAMESPACES, TEMPLATE, World

STEPS = [
    "check name",
    "fork template",
    "wait for repository",
    "keep repository",
    "switch Actions on",
    "ensure namespace production",
    "ensure namespace staging",
    "ensure namespace preview",
    "ensure namespace untrusted",
    "create environment production",
    "create environment staging",
    "create environment preview",
    "set variable",
    "create webhook",
    "commit files",
    "create branch staging",
    "see the first run",
    "finish",
]
MAXIMUM_WRITES = 11
README = GivenFile("README.md", "# Hello\n")


def history(world: World, name: str = "acme/hello") -> list[str]:
    """Return the first lines of main's commits, newest first."""
    repository = world.repository(name)
    subjects, sha = list[str](), repository.branches.get("main")
    while sha:
        commit = repository.commits[sha]
        subjects.append(commit.message.splitlines()[0])
        sha = commit.parent
    return subjects


def assert_provisioned(world: World) -> None:
    """Check that all is there, and once."""
    repository = world.repository("acme/hello")
    app = world.current("hello")
    assert [name for name in world.host.repositories if name != TEMPLATE] == ["acme/hello"]
    assert history(world) == ["Set up hello", "Start"]
    files = repository.files("main")
    assert files["README.md"] == b"# Hello\n"
    assert files[".github/workflows/deploy.yml"] == b"name: Deploy\n"
    assert files[".github/branchline/deploy.mjs"] == b"// deploys\n"
    assert {"wrangler.jsonc", "branchline.json", "package.json"} <= set(files)
    assert repository.branches["staging"] == repository.branches["main"]
    assert repository.environments == {"production", "staging", "preview"}
    assert repository.variables == {"BRANCHLINE_URL": "https://branchline.test"}
    assert repository.secrets == {}
    webhook = repository.webhooks["https://branchline.test/webhooks/github"]
    assert len(repository.webhooks) == 1
    assert (webhook.secret, webhook.events) == ("the webhook secret", WEBHOOK_EVENTS)
    assert set(world.scripts.namespaces) == {*NAMESPACES.values(), "live-untrusted"}
    assert app.status is AppStatus.READY
    assert app.repository == repository.description
    assert world.tags(app.id) == [Tag.APP_REQUESTED, Tag.APP_REPOSITORY_FORKED, Tag.APP_READY]
