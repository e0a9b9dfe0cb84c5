"""Questions to GitHub's GraphQL API, and what its errors mean: an answer may hold both data and errors.

A question is no write: it waits for no turn of writes, and spends points of a budget of its own. What is
asked is the business of others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from github import GithubException

from app.errors import BranchlineError, RemoteForbidden, RemoteUnavailable
from app.github.client import GitHub

# What a credential without `checks: read` is refused; the rest of such an answer is as good as any.
_OPTIONAL: Final = "checkSuites"
_LONGEST_REASON: Final = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered for each alias; `absent` are those of which GitHub says that they are not there.

    `refused` are aliases that GitHub showed nothing of, or not all, each with why.
    """

    data: Mapping[str, Any]
    absent: frozenset[str]
    refused: Mapping[str, BranchlineError]


def ask(github: GitHub, doing: str, query: str, variables: Mapping[str, Any]) -> Answer:
    """Ask one question whose aliases are answered each for itself.

    Raises:
        RateLimited: the points are used up; nothing was answered.
        RemoteUnavailable: nothing was answered, perhaps because it was too much to ask at once.
        RemoteForbidden: our credential may not ask at all.
    """
    # https://docs.github.com/en/graphql/guides/forming-calls-with-graphql
    with github.doing(doing):
        requester = github.requester
        body = {"query": query, "variables": dict(variables)}
        headers, answer = requester.requestJsonAndCheck("POST", requester.graphql_url, input=body)
        return _understood(answer, headers, doing)


def _understood(answer: Any, headers: dict[str, Any], doing: str) -> Answer:
    whole = answer if isinstance(answer, dict) else {}
    data, errors = whole.get("data"), [it for it in whole.get("errors") or [] if isinstance(it, dict)]
    for error in errors:
        _check_whole(error, headers)
    if not isinstance(data, dict):
        raise GithubException(502, {"message": _reason(errors)}, headers)
    counted = [(str(it["path"][0]), it) for it in errors if _OPTIONAL not in it["path"]]
    absent = frozenset(alias for alias, error in counted if _is_absence(error))
    refused = {alias: _ours(error, doing) for alias, error in counted if alias not in absent}
    return Answer(data, absent, refused)


def _check_whole(error: Mapping[str, Any], headers: dict[str, Any]) -> None:
    """Raise what stands for the whole answer: it is about no alias, or about our budget."""
    # https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
    message = _reason([error])
    kind = str(error.get("type", ""))
    if kind.startswith("RATE_LIMIT") or "rate limit" in message.lower():
        raise GithubException(429, {"message": message}, headers)
    if kind == "RESOURCE_LIMITS_EXCEEDED":  # what was left out by it is not told apart from what is not there
        raise GithubException(502, {"message": message}, headers)
    if not error.get("path"):
        raise GithubException(403 if kind == "FORBIDDEN" else 502, {"message": message}, headers)


def _is_absence(error: Mapping[str, Any]) -> bool:
    """Tell whether what the alias asks for is not there; what is missing inside is another matter."""
    return error.get("type") == "NOT_FOUND" and len(error["path"]) == 1


def _ours(error: Mapping[str, Any], doing: str) -> BranchlineError:
    kind = RemoteForbidden if error.get("type") == "FORBIDDEN" else RemoteUnavailable
    return kind(f"{doing}: {_reason([error])}")


def _reason(errors: list[Any] | list[Mapping[str, Any]]) -> str:
    said = "; ".join(str(error.get("message") or "no reason given") for error in errors)
    return (said or "the answer has no data")[:_LONGEST_REASON]
