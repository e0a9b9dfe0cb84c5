from typing import Any

import responses
from responses import matchers

from app.github.client import GitHub
from app.github.comments import GitHubComments
from tests.integration.github.recorded import API, SHOP


def comment(comment_id: int, login: str | None, body: str) -> dict[str, Any]:
    return {"id": comment_id, "user": {"login": login} if login else None, "body": body}


def test_a_comment_is_found_by_marker_and_author_on_any_page(
    http: responses.RequestsMock, github: GitHub
) -> None:
    comments = f"{SHOP}/issues/7/comments"
    http.get(f"{API}/user", json={"login": "branchline"})
    others = [
        comment(1, "mallory", "<!-- m -->"),
        comment(2, None, "<!-- m -->"),
        comment(3, "branchline", "no"),
    ]
    http.get(
        comments,
        json=others,
        headers={"Link": f'<{comments}?page=2&per_page=100>; rel="next"'},
        match=[matchers.query_param_matcher({"per_page": 100})],
    )
    ours = [comment(4, "branchline", "x <!-- m -->"), comment(5, "branchline", "<!-- m -->")]
    http.get(comments, json=ours, match=[matchers.query_param_matcher({"page": 2, "per_page": 100})])
    assert GitHubComments(github).find("acme/shop", 7, "<!-- m -->") == 4


def test_a_deleted_comment_is_told_from_an_updated_one(http: responses.RequestsMock, github: GitHub) -> None:
    http.patch(f"{SHOP}/issues/comments/4", json={"id": 4})
    http.patch(f"{SHOP}/issues/comments/5", status=404, json={"message": "Not Found"})
    assert GitHubComments(github).update("acme/shop", 4, "new") is True
    assert GitHubComments(github).update("acme/shop", 5, "new") is False
