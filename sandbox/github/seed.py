"""The accounts that are there from the start, their tokens, and the template repository.

May run at every start: what is there already stays, but a changed template gets a new commit.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from sandbox.github import actors, app_seed, clock, commits, names, refs, trees
from sandbox.github.files import write_private
from sandbox.github.oauth import clients
from sandbox.github.pushes import BRANCHES
from sandbox.github.shapes import accounts

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.github.database import Row
    from sandbox.github.site import Site

ACTIONS_BOT = "github-actions[bot]"
_SKIPPED = frozenset({".git", "node_modules", "dist", ".wrangler", ".vite", "coverage"})


def run(site: Site) -> None:
    """Have the organisation, its people, their tokens and the template."""
    settings = site.settings
    with site.database.transaction():
        org = _account(site, settings.org, "Organization", settings.org.capitalize())
        bot = _account(site, settings.bot, "User", "Branchline")
        developer = _account(site, settings.developer, "User", settings.developer.capitalize())
        others = [
            _account(site, login, "User", login.capitalize())
            for login in (settings.outsider, *settings.people)
        ]
        _account(site, ACTIONS_BOT, "Bot", None)
        app_bot = _account(site, f"{app_seed.SLUG}[bot]", "Bot", None)
        _member(site, org, bot, "admin")
        _member(site, org, developer, "member")
    _tokens(site, (bot, developer, *others))
    app_seed.run(site, org, app_bot)
    clients.seed(site)
    if settings.template_from:
        _template(site, org, settings.template_from)


def _account(site: Site, login: str, kind: str, name: str | None) -> Row:
    row = accounts.by_login(site, login)
    if row:
        return row
    created = site.database.insert("accounts", login=login, type=kind, name=name, created_at=clock.now())
    email = f"{created}+{login}@users.noreply.localhost"
    site.database.update("accounts", created, email=email)
    return accounts.account(site, created)


def _member(site: Site, org: Row, account: Row, role: str) -> None:
    if actors.member_role(site, org["id"], account["id"]) is None:
        site.database.insert("members", org_id=org["id"], account_id=account["id"], role=role)


def _tokens(site: Site, people: tuple[Row, ...]) -> None:
    """Have a file with a token per person; a token in it that is not known is made anew."""
    path = site.settings.tokens_path
    kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    for person in people:
        if actors.by_token(site, kept.get(person["login"], "")) is None:
            kept[person["login"]] = actors.issue_token(site, person["id"], actors.PERSONAL)
    write_private(path, json.dumps(kept, indent=2))


def _template(site: Site, org: Row, directory: Path) -> None:
    query = "SELECT * FROM repositories WHERE owner_id = ? AND name = ?"
    name = site.settings.template_name
    row = site.database.one(query, org["id"], name)
    if row is None:
        row = names.insert(site, org, name, description="What every app starts as", is_template=1)
    git = site.git(row["id"])
    git.create(row["default_branch"])
    branch = BRANCHES + row["default_branch"]
    head = git.ref(branch)
    tree = _tree(site, row, directory)
    if head is None or commits.read(git, head).tree != tree:
        who = commits.Signature.now("Branchline", accounts.account(site, org["id"])["email"])
        message, parents = ("Update the template", [head]) if head else ("Start as the template", [])
        new = commits.write(git, tree=tree, parents=parents, message=message, author=who, committer=who)
        git.update_ref(branch, new)
    refs.publish(site, row["id"], actors.by_login(site, site.settings.bot))


def _tree(site: Site, row: Row, directory: Path) -> str:
    """Write the directory's files as a tree."""
    git = site.git(row["id"])
    paths = sorted(
        path for path in directory.rglob("*") if path.is_file() and not _is_skipped(path, directory)
    )
    blobs = trees.write_blobs(git, [path.read_bytes() for path in paths])
    entries = [
        trees.Entry(path.relative_to(directory).as_posix(), _mode(path), blob)
        for path, blob in zip(paths, blobs, strict=True)
    ]
    return trees.write(git, entries)


def _is_skipped(path: Path, directory: Path) -> bool:
    return not _SKIPPED.isdisjoint(path.relative_to(directory).parts)


def _mode(path: Path) -> str:
    return trees.EXECUTABLE if os.access(path, os.X_OK) else trees.REGULAR
