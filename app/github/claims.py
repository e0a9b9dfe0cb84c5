"""The claims of GitHub's tokens for workflow runs, sorted by what they are to us, without I/O.

Every claim that GitHub documents is in one of the tables, so that a new one is a decision and not an
accident. A token is known to be GitHub's before it comes here, and which app it is about is not known here.
"""

# https://docs.github.com/en/actions/reference/security/oidc

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from app.domain.runs import RunClaims
from app.errors import Unauthenticated
from app.github.workflow import WORKFLOW_PATH

_NUMBER: Final = r"[1-9][0-9]{0,17}"
_COMMIT: Final = r"[0-9a-f]{40}"
_NAME: Final = r"[\w.-]+"

# Compared with what the verifier was made with, and with the time, by the library.
CHECKED_BY_LIBRARY: Final = frozenset({"iss", "aud", "exp", "nbf", "iat"})
# Each must be there in this form, and decides whose run it is or where it may deploy.
VERIFIED: Final[Mapping[str, str]] = {
    "repository": f"{_NAME}/{_NAME}",
    "repository_id": _NUMBER,
    "repository_owner_id": _NUMBER,
    "event_name": r"[a-z_]+",
    "ref": r"refs/.+",
    "job_workflow_ref": r".+",
}
# Decide as well, but are absent from some tokens: of jobs without environment, of runs without pull request.
VERIFIED_WHERE_PRESENT: Final = frozenset({"environment", "head_ref"})
# Each must be there in this form and is believed: which run of which commit, and which token. What `sub` says
# is never read, for it is made of names, and which ones is a setting.
REQUIRED: Final[Mapping[str, str]] = {
    "jti": r"[!-~]{1,200}",
    "sub": r".+",
    "sha": _COMMIT,
    "run_id": _NUMBER,
    "run_number": _NUMBER,
    "run_attempt": _NUMBER,
}
UNCHECKED: Final = frozenset(
    {
        "actor",
        "actor_id",
        "base_ref",
        "check_run_id",
        "enterprise",
        "enterprise_id",
        "environment_node_id",
        "job_workflow_sha",
        "ref_protected",
        "ref_type",
        "repository_owner",
        "repository_visibility",
        "runner_environment",
        "workflow",
        "workflow_ref",
        "workflow_sha",
    }
)
# Custom properties of repositories, as an organisation names them.
_UNCHECKED_PREFIX: Final = "repo_property_"
_SORTED: Final = CHECKED_BY_LIBRARY | VERIFIED.keys() | VERIFIED_WHERE_PRESENT | REQUIRED.keys() | UNCHECKED

_BRANCH_EVENTS: Final = frozenset({"push", "workflow_dispatch"})
_BRANCH: Final = re.compile(r"refs/heads/(.+)")
_PULL_REQUEST: Final = re.compile(r"refs/pull/([1-9][0-9]{0,9})/merge", re.ASCII)


def unsorted(names: Iterable[str]) -> frozenset[str]:
    """Return the names of claims that nobody has decided about yet."""
    return frozenset(name for name in names if name not in _SORTED and not name.startswith(_UNCHECKED_PREFIX))


def run_claims(claims: Mapping[str, Any]) -> RunClaims:
    """Return what a token of GitHub's says about its run.

    Raises:
        Unauthenticated: a claim is missing or malformed, or the run is not one that deploys.
    """
    for name, form in (*VERIFIED.items(), *REQUIRED.items()):
        _check_form(name, claims.get(name), form)
    _check_workflow(claims)
    branch, pull_request = _origin(claims)
    return RunClaims(
        token_id=claims["jti"],
        expires_at=datetime.fromtimestamp(int(claims["exp"]), UTC),
        repository_id=int(claims["repository_id"]),
        owner_id=int(claims["repository_owner_id"]),
        event=claims["event_name"],
        ref=claims["ref"],
        branch=branch,
        pull_request=pull_request,
        commit=claims["sha"],
        environment=_text(claims, "environment"),
        run_id=int(claims["run_id"]),
        run_number=int(claims["run_number"]),
        run_attempt=int(claims["run_attempt"]),
    )


def refused(why: str, *, code: str) -> Unauthenticated:
    """Return the error for a token that is not believed."""
    return Unauthenticated(f"verifying a run's token: {why}", code=code)


def _check_form(name: str, value: Any, form: str) -> None:
    if not isinstance(value, str) or not re.fullmatch(form, value, re.ASCII):
        is_missing = value is None
        raise refused(
            f"its claim {name} is {'missing' if is_missing else 'malformed'}", code="oidc:malformed"
        )


def _check_workflow(claims: Mapping[str, Any]) -> None:
    """Accept the workflow that we installed, as it stands at the very ref that runs."""
    if claims["job_workflow_ref"] != f"{claims['repository']}/{WORKFLOW_PATH}@{claims['ref']}":
        raise refused(
            f"only {WORKFLOW_PATH} of the repository itself may deploy, and no workflow that it calls",
            code="oidc:wrong-workflow",
        )


def _origin(claims: Mapping[str, Any]) -> tuple[str, int | None]:
    """Return the branch that a run is for and the pull request, if it is for one."""
    event, ref = claims["event_name"], claims["ref"]
    branch, pull_request = _BRANCH.fullmatch(ref), _PULL_REQUEST.fullmatch(ref)
    if event in _BRANCH_EVENTS and branch:
        return branch[1], None
    if event == "pull_request" and pull_request and (head := _text(claims, "head_ref")):
        return head, int(pull_request[1])
    raise refused(
        f"a run of {event} on {ref[:100]} does not deploy: pushes to branches and pull requests do, and runs "
        "that were started by hand on a branch",
        code="oidc:wrong-event",
    )


def _text(claims: Mapping[str, Any], name: str) -> str:
    """Return the text of a claim that may be absent."""
    value = claims.get(name)
    return value if isinstance(value, str) else ""
