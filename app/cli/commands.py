"""What there is to say on the command line: where each command is, and the line that tells of it in the help.

A command is loaded when it is named: `branchline apps list` should not pay for the server, nor need the
sandbox's packages, and `branchline --help` should pay for none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Place:
    """The module of a command, whose function has the command's name, and what it does in a few words."""

    module: str
    about: str


SECTIONS: Final[Mapping[str, Mapping[str, Place]]] = {
    "Apps": {
        "apps": Place("app.cli.apps", "Create, list, show and delete apps."),
        "deployments": Place("app.cli.deployments", "List and show deployments; their logs and functions."),
        "previews": Place("app.cli.previews", "Approve previews of forks' pull requests."),
        "variables": Place("app.cli.variables", "List, set and remove an app's variables."),
        "secrets": Place("app.cli.secrets", "List, set and remove secrets; encrypt all anew."),
        "drift": Place("app.cli.drift", "Show what differs from what is recorded."),
        "events": Place("app.cli.events", "List and follow what happened."),
    },
    "Releases": {
        "rollback": Place("app.cli.releases", "Put an earlier deployment back, and hold pushes."),
        "resume": Place("app.cli.releases", "Let pushes go live again."),
        "promote": Place("app.cli.releases", "Have a deployment's very bytes live elsewhere."),
        "redeploy": Place("app.cli.releases", "Run a deployment's workflow once more."),
        "restore": Place("app.cli.restore", "Have a deployment answer at its own address again."),
    },
    "Files": {
        "files": Place("app.cli.files", "Look at an app's files, and change them."),
        "commit": Place("app.cli.repository", "Commit a directory's files in one commit."),
        "sync": Place("app.cli.repository", "Take the new commits of an app's template."),
        "export": Place("app.cli.repository", "Download all files of an app as one archive."),
    },
    "Functions without a repository": {
        "workers": Place("app.cli.workers", "Put functions up, look at them, call them."),
    },
    "Account": {
        "login": Place("app.cli.login", "Sign in with GitHub at a control plane."),
        "logout": Place("app.cli.login", "Take this machine's token back, and forget it."),
        "whoami": Place("app.cli.login", "Show who the control plane takes you for."),
        "tokens": Place("app.cli.tokens", "Make, list and revoke tokens of the API."),
    },
    "For operators": {
        "reconcile": Place("app.cli.drift", "Look at everything once, and have it healed."),
        "deliveries": Place("app.cli.deliveries", "List, show and replay received webhooks."),
    },
    "On the control plane's machine": {
        "serve": Place("app.cli.serve", "Serve the pages, the API and webhooks; run jobs."),
        "jobs": Place("app.cli.jobs", "Run jobs, beside `serve --no-jobs`."),
        "db": Place("app.cli.db", "Prepare, back up and check the database."),
        "bundles": Place("app.cli.bundles", "Look after the bundle store."),
    },
    "To try it": {
        "demo": Place("sandbox.cli", "Tell the whole story on this machine."),
        "sandbox": Place("sandbox.cli", "Start a GitHub and a Cloudflare on this machine."),
    },
}
COMMANDS: Final[Mapping[str, Place]] = {
    name: place for section in SECTIONS.values() for name, place in section.items()
}
