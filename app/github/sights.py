"""Looks at many repositories at once, on GitHub: one GraphQL question for a hundred of them.

It knows the question; `sight_reading` knows the answer. What is seen decides nothing here.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from app.errors import BranchlineError, RateLimited, RemoteUnavailable
from app.github.client import GitHub, path
from app.github.graphql import Answer, ask
from app.github.sight_reading import PullsPage, pulls_page, sight
from app.ports.sights import MOST_AT_ONCE, Asked, Sight, Unseen, Webhook

_FIRST_PULLS: Final = 10
_MORE_PULLS: Final = 50
_MOST_PAGES: Final = 40
# GitHub gives a question ten seconds; a part of it may be answered where the whole is not.
_SMALLEST_PART: Final = 12
_MOST_FAILURES: Final = 3

# https://docs.github.com/en/graphql/reference/objects
_PULLS: Final = """
fragment Pulls on PullRequestConnection {
  pageInfo { hasNextPage endCursor }
  nodes {
    number title url updatedAt headRefName headRefOid isCrossRepository
    author { login }
    headRepository { databaseId }
    commits(last: 1) { nodes { commit { ...Checked } } }
  }
}
fragment Checked on Commit {
  oid
  checkSuites(last: 10) {
    nodes { status conclusion workflowRun { url runNumber file { path } workflow { resourcePath } } }
  }
}
"""
_NEWEST: Final = "orderBy: {field: CREATED_AT, direction: DESC}"
_SEEN: Final = f"""
fragment Seen on Repository {{
  databaseId nameWithOwner isArchived
  defaultBranchRef {{ name }}
  pullRequests(states: OPEN, first: {_FIRST_PULLS}, {_NEWEST}) {{ ...Pulls }}
}}
"""
_REF: Final = "{ target { oid ...Checked } }"

_Looks = dict[int, Sight | Unseen | None]


class GitHubSights:
    """Port `Sights`."""

    def __init__(self, github: GitHub) -> None:
        self._github = github

    def look(self, asked: Sequence[Asked]) -> Mapping[int, Sight | Unseen | None]:
        """Look at up to a hundred repositories in one call, and answer for each by its id."""
        if len(asked) > MOST_AT_ONCE:
            raise ValueError(f"{len(asked)} repositories are more than fit into one look")
        return self._looked(asked) if asked else {}

    def actions_enabled(self, full_name: str) -> bool:
        """Tell in one call whether workflows may run there."""
        # https://docs.github.com/en/rest/actions/permissions#get-github-actions-permissions-for-a-repository
        with self._github.doing(f"looking whether Actions are on in {full_name}"):
            permissions = self._github.request("GET", path("repos", full_name, "actions/permissions"))
            return bool(permissions["enabled"])

    def webhook(self, full_name: str, url: str) -> Webhook | None:
        """Return in one call the repository's webhook that sends to `url`. GitHub allows twenty of them."""
        # https://docs.github.com/en/rest/repos/webhooks#list-repository-webhooks
        with self._github.doing(f"looking for the webhook of {full_name}"):
            hooks = self._github.request(
                "GET", path("repos", full_name, "hooks"), query={"per_page": str(MOST_AT_ONCE)}
            )
            return next((_webhook(it) for it in hooks if it["config"].get("url") == url), None)

    def _looked(self, asked: Sequence[Asked]) -> _Looks:
        """Look at all of them, or at one half after the other where that is too much at once."""
        try:
            answer = self._ask(asked)
        except RateLimited:
            raise
        except RemoteUnavailable as error:
            if len(asked) <= _SMALLEST_PART:
                return self._looked_singly(asked, error)
            half = len(asked) // 2
            return self._looked(asked[:half]) | self._looked(asked[half:])
        return self._with_all_pulls({it.repository_id: _look(it, answer) for it in asked})

    def _looked_singly(self, asked: Sequence[Asked], error: RemoteUnavailable) -> _Looks:
        """Look at one after the other: one that is never shown is to hide no others.

        Raises:
            RemoteUnavailable: not even the first are shown; it is the host that does not answer.
        """
        found, failures = _Looks(), 0
        for it in asked if len(asked) > 1 else ():
            try:
                found |= self._looked_at_one(it)
            except RateLimited:
                raise
            except RemoteUnavailable as its_own:
                failures += 1
                found[it.repository_id] = Unseen(its_own)
            if failures == len(found) == _MOST_FAILURES:
                break
        if failures == len(found):
            raise error
        return found

    def _looked_at_one(self, asked: Asked) -> _Looks:
        return self._with_all_pulls({asked.repository_id: _look(asked, self._ask([asked]))})

    def _ask(self, asked: Sequence[Asked]) -> Answer:
        return ask(self._github, f"looking at {len(asked)} repositories", *question(asked))

    def _with_all_pulls(self, looks: Mapping[int, tuple[Sight, PullsPage] | Unseen | None]) -> _Looks:
        """Page on in those repositories that have more pull requests, in all of them at once."""
        found: _Looks = {key: it[0] if isinstance(it, tuple) else it for key, it in looks.items()}
        pages = {key: it[1] for key, it in looks.items() if isinstance(it, tuple)}
        going_on = _cursors(pages)
        for _ in range(_MOST_PAGES):
            if not going_on:
                break
            going_on = self._add_pages(found, going_on)
        return found | {key: Unseen(_too_many()) for key in going_on}

    def _add_pages(self, found: _Looks, cursors: Mapping[int, str]) -> dict[int, str]:
        """Add a page of pull requests to each of these, and return where those go on that do."""
        seen = {key: it for key in cursors if isinstance(it := found[key], Sight)}
        answer = self._ask_more({key: (it.full_name, cursors[key]) for key, it in seen.items()})
        pages = {key: _more(answer, key) for key in seen}
        for key, page in pages.items():
            found[key] = page if isinstance(page, Unseen) else page.added_to(seen[key])
        return _cursors({key: page for key, page in pages.items() if isinstance(page, PullsPage)})

    def _ask_more(self, pages: Mapping[int, tuple[str, str]]) -> Answer:
        variables: dict[str, str] = {}
        repositories = []
        for key, (full_name, cursor) in pages.items():
            asked = Asked(key, full_name)
            variables |= {**dict(_variables(asked)), f"c{key}": cursor}
            order = "orderBy: {field: CREATED_AT, direction: DESC}"
            pulls = (
                f"pullRequests(states: OPEN, first: {_MORE_PULLS}, after: $c{key}, {order}) {{ ...Pulls }}"
            )
            repositories.append(_repository(asked, f"databaseId {pulls}"))
        doing = f"looking at the pull requests of {len(pages)} repositories"
        return ask(self._github, doing, _query(variables, repositories, _PULLS), variables)


def question(asked: Sequence[Asked]) -> tuple[str, dict[str, str]]:
    """Return what is asked for a look at these repositories, and its variables."""
    variables = {name: value for it in asked for name, value in _variables(it)}
    return _query(variables, [_repository(it, "...Seen") for it in asked], _SEEN + _PULLS), variables


def _query(variables: Mapping[str, str], repositories: Sequence[str], fragments: str) -> str:
    """Return the question; whatever others chose the text of is a variable, never part of it."""
    declared = ", ".join(f"${name}: String!" for name in variables)
    return f"query Look({declared}) {{\n" + "\n".join(repositories) + f"\n}}\n{fragments}"


def _repository(asked: Asked, selected: str) -> str:
    key = asked.repository_id
    branches = [f"b{i}: ref(qualifiedName: $b{key}_{i}) {_REF}" for i in range(len(asked.branches))]
    files = [f"f{i}: object(expression: $f{key}_{i}) {{ oid }}" for i in range(len(asked.files))]
    fields = " ".join([selected, *branches, *files])
    return f"  r{key}: repository(owner: $o{key}, name: $n{key}) {{ {fields} }}"


def _variables(asked: Asked) -> Iterator[tuple[str, str]]:
    key = asked.repository_id
    owner, _, name = asked.full_name.partition("/")
    yield f"o{key}", owner
    yield f"n{key}", name
    for index, branch in enumerate(asked.branches):
        yield f"b{key}_{index}", f"refs/heads/{branch}"
    for index, file in enumerate(asked.files):
        yield f"f{key}_{index}", f"HEAD:{file}"


def _look(asked: Asked, answer: Answer) -> tuple[Sight, PullsPage] | Unseen | None:
    alias = f"r{asked.repository_id}"
    if alias in answer.absent:
        return None
    if alias in answer.refused:
        return Unseen(answer.refused[alias])
    return sight(asked, answer.data.get(alias))


def _more(answer: Answer, key: int) -> PullsPage | Unseen:
    alias = f"r{key}"
    if alias in answer.absent or alias in answer.refused:
        return Unseen(answer.refused.get(alias) or _vanished())
    return pulls_page(answer.data.get(alias), key)


def _cursors(pages: Mapping[int, PullsPage]) -> dict[int, str]:
    return {key: page.next_cursor for key, page in pages.items() if page.next_cursor is not None}


def _webhook(hook: Any) -> Webhook:
    content_type = str(hook["config"].get("content_type", "form"))
    return Webhook(int(hook["id"]), bool(hook["active"]), frozenset(hook["events"]), content_type)


def _vanished() -> BranchlineError:
    return RemoteUnavailable("looking at pull requests: their repository went away meanwhile")


def _too_many() -> BranchlineError:
    most = _FIRST_PULLS + _MOST_PAGES * _MORE_PULLS
    return RemoteUnavailable(f"looking at pull requests: more than {most} are open in one repository")
