"""What git's failures mean: whose they are, and the sentence that says most."""

import pytest

from app.errors import BranchlineError, RemoteConflict, RemoteForbidden, RemoteRefused, RemoteUnavailable
from app.git.process import GitFailed
from app.git.refusals import of_ours, of_source

LFS = """\
remote: error: GH008: Your push referenced at least 2 unknown Git LFS objects:
remote:     7e2d1b
remote: Try to push them with 'git lfs push --all'.
To https://github.com/acme/shop.git
 ! [remote rejected] main -> main (pre-receive hook declined)
error: failed to push some refs to 'https://github.com/acme/shop.git'
"""
MOVED = """\
To http://127.0.0.1:1/acme/shop.git
 ! [rejected]        4f1c2da -> main (fetch first)
error: failed to push some refs to 'http://127.0.0.1:1/acme/shop.git'
hint: Updates were rejected because the remote contains work that you do not have locally.
"""


@pytest.mark.parametrize(
    ("output", "code"),
    [
        ("fatal: unable to update url base from redirection:\n", "import:redirected"),
        ("fatal: unable to access 'u': The requested URL returned error: 302", "import:redirected"),
        ("fatal: repository 'https://x.com/a/b/' not found\n", "import:not-found"),
        (
            "remote: Not Found\nfatal: unable to access 'u': The requested URL returned error: 404",
            "import:not-found",
        ),
        (
            "fatal: could not read Username for 'https://github.com': terminal prompts disabled",
            "import:not-readable",
        ),
        ("fatal: unable to access 'u': The requested URL returned error: 403", "import:not-readable"),
        ("fatal: unable to access 'u': Failed to connect to x.com port 443", "import:unreachable"),
        (
            "fatal: unable to access 'u': SSL certificate problem: self-signed certificate",
            "import:unreachable",
        ),
        ("", "import:unreachable"),
    ],
)
def test_a_source_is_to_blame_for_itself(output: str, code: str) -> None:
    refused = of_source(GitFailed(output), "copying u")
    assert refused.error_code == code
    assert refused.message.startswith("copying u: ")


def test_a_source_may_be_too_slow_or_too_large() -> None:
    assert of_source(GitFailed("", is_too_slow=True), "copying u").error_code == "import:too-slow"
    assert of_source(GitFailed("", is_too_large=True), "copying u").error_code == "import:too-large"


@pytest.mark.parametrize(
    ("output", "kind", "code"),
    [
        (LFS, RemoteRefused, "import:rejected"),
        ("remote: error: GH001: Large files detected.\n", RemoteRefused, "import:rejected"),
        (MOVED, RemoteConflict, "remote:conflict"),
        (
            "remote: Permission to acme/shop denied to bot.\nfatal: error: 403",
            RemoteForbidden,
            "remote:forbidden",
        ),
        (
            "fatal: unable to access 'u': The requested URL returned error: 502",
            RemoteUnavailable,
            "remote:unavailable",
        ),
        (
            "fatal: unable to access 'u': Recv failure: Connection reset",
            RemoteUnavailable,
            "remote:unavailable",
        ),
    ],
)
def test_our_own_side_is_told_by_who_can_mend_it(output: str, kind: type[BranchlineError], code: str) -> None:
    error = of_ours(GitFailed(output), "pushing")
    assert (type(error), error.error_code) == (kind, code)


def test_the_sentence_that_says_most_is_passed_on() -> None:
    told = of_ours(GitFailed(LFS), "pushing").message
    assert told == "pushing: error: GH008: Your push referenced at least 2 unknown Git LFS objects:"
    odd = of_source(GitFailed("\x1b[31mfatal: no\x07 such\u202e thing" + "x" * 1000), "copying u").message
    assert odd.isprintable()
    assert len(odd) < 320
