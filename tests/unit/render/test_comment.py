"""The comment on a pull request: what comes from outside is shown as text, and nothing else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from app.domain.addresses import Address
from app.domain.deployments import Status
from app.render.comment import (
    CommentFacts,
    ForkFacts,
    Promotion,
    code_block,
    escape_line,
    marker,
    render_comment,
)
from app.render.text import by_whom

ADDRESS = Address("https://preview-pr7-slug0001.apps.test", "https://dispatch.test/app/preview-pr7-slug0001")
OWN = "https://preview-4xr0q2h9tb-slug0001.apps.test"
GOOD = CommentFacts(
    app_id="app_0001",
    is_open=True,
    status=Status.READY,
    address=ADDRESS,
    commit="4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    message="Make the button blue",
    run_url="https://github.test/acme/hello/actions/runs/1",
    phases={"install": 3.21, "build": 1.4, "deploy": 2.0},
    error=None,
    updated_at=datetime(2026, 11, 22, 12, 0, tzinfo=UTC),
    shown="4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    own_url=OWN,
    expires_on="2026-11-29",
)
NOTHING: dict[str, Any] = {
    "app_id": "app_0001",
    "is_open": True,
    "status": None,
    "address": None,
    "commit": GOOD.commit,
    "message": None,
    "run_url": None,
    "phases": {},
    "error": None,
    "updated_at": GOOD.updated_at,
}
SNAPSHOT = f"""\
<!-- branchline:preview:app_0001 -->
### Preview


| | |
|---|---|
| **Status** | ✅ Ready |
| **Address** | <{ADDRESS.url}> · [by path]({ADDRESS.alternate_url}) |
| **This commit** | <{OWN}> |
| **Commit** | `4b825dc` Make the button blue |
| **Run** | [log](https://github.test/acme/hello/actions/runs/1) · install 3.2 s, build 1.4 s, deploy 2.0 s |
| **Expires** | 2026-11-29 without a push |
| **Updated** | 2026-11-22 12:00:00 UTC |
"""
HOSTILE = {
    "pipe": "a | b || c",
    "escaped pipe": "a \\| b",
    "backtick": "`code` ```block```",
    "tag": "<img src=x onerror=alert(1)>",
    "script": "</td></table><script>alert(1)</script>",
    "comment": "--> <!-- hidden",
    "details": "</details><details open>",
    "link": "[click](javascript:alert(1))",
    "closing a link": "](javascript:alert(1)) [x",
    "image": "![x](https://evil.test/pixel.png)",
    "reference": "[x]: https://evil.test",
    "address": "see https://evil.test/phish now",
    "bare address": "see www.evil.test now",
    "angle address": "<https://evil.test>",
    "mail": "mail mallory@evil.test",
    "mention": "@octocat and @org/all",
    "issue": "fixes #1 and acme/hello#2",
    "old issue": "closes GH-1",
    "heading": "# Heading",
    "list": "- item",
    "rule": "***",
    "bold": "**bold** __bold__ _em_ *em* ~~gone~~",
    "math": "$x$",
    "entity": "&lt;img&gt; &#x3c;b&#x3e; &copy;",
    "newline": "one\n\n# two\r\n| three |",
    "line separator": "one\u2028| two |\u2029# three",
    "right-to-left": "user\u202etxt.exe\u202c \u2066x\u2069",
    "zero width": "pay\u200bpal \ufeff\u200d",
    "control": "a\x1b[31mb\x00c\x07d\x9b",
    "template": "{{ facts.error }} {% raw %}",
    "long": "x" * 10_000,
    "long of specials": "*" * 10_000,
    "only spaces": " \t\n ",
}
PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def rendered(body: str) -> list[Any]:
    """Return the tokens of Markdown as GitHub reads it."""
    return [it for token in PARSER.parse(body) for it in (token, *(token.children or []))]


def shape(body: str) -> list[tuple[str, str]]:
    """Return the structure of Markdown, without its text."""
    return [
        (token.type, str(token.attrs.get("href", "")))
        for token in rendered(body)
        if token.type not in {"text", "softbreak", "inline", "text_special"}
    ]


def test_a_good_comment_looks_like_this() -> None:
    assert render_comment(GOOD) == SNAPSHOT


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_message_changes_nothing_but_its_text(text: str) -> None:
    body = render_comment(replace(GOOD, message=text))
    assert shape(body) == shape(SNAPSHOT)
    assert len(body) < 2_000
    assert len(body.splitlines()) == len(SNAPSHOT.splitlines())


@given(st.text(max_size=80))
def test_no_message_changes_anything_but_its_text(text: str) -> None:
    body = render_comment(replace(GOOD, message=f"a{text}"))
    assert shape(body) == shape(SNAPSHOT)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_error_stays_in_its_block(text: str) -> None:
    failed = replace(GOOD, status=Status.ERROR, error="build failed")
    body = render_comment(replace(failed, error=f"a{text}"))
    assert shape(body) == shape(render_comment(failed))
    assert len(body) < 40_000


@given(st.text(st.characters() | st.sampled_from("`~\n"), max_size=80))
def test_no_error_leaves_its_block(text: str) -> None:
    failed = replace(GOOD, status=Status.ERROR, error="build failed")
    body = render_comment(replace(failed, error=f"a{text}"))
    assert shape(body) == shape(render_comment(failed))


@pytest.mark.parametrize(
    ("text", "not_there"),
    [
        ("@octocat", "@octocat"),
        ("@org/all", "@org"),
        ("fixes #1", "#1"),
        ("acme/hello#2", "o#2"),
        ("closes GH-1", "GH-1"),
        ("https://evil.test", "://evil"),
        ("www.evil.test", "www.evil"),
        ("mallory@evil.test", "y@evil"),
    ],
)
def test_nobody_is_notified_and_nothing_is_linked(text: str, not_there: str) -> None:
    shown = "".join(token.content for token in rendered(escape_line(text)) if token.type.startswith("text"))
    assert not_there not in shown
    assert shown.replace("\u200b", "") == text


@pytest.mark.parametrize(
    "character", ["\u202e", "\u2066", "\u200f", "\u200d", "\ufeff", "\x1b", "\x00", "\x9b"]
)
def test_invisible_characters_are_not_shown(character: str) -> None:
    body = render_comment(
        replace(GOOD, message=f"a{character}b", status=Status.ERROR, error=f"c{character}d")
    )
    assert character not in body


def test_a_long_line_is_cut() -> None:
    assert escape_line("x" * 201) == "x" * 199 + "…"
    assert escape_line("x" * 200) == "x" * 200


def test_tabs_of_a_build_stay_readable() -> None:
    assert (
        code_block("\tat main.ts:1\r\n\tat x\rprogress")
        == "```text\nat main.ts:1\n        at x\nprogress\n```"
    )


def test_a_fence_is_longer_than_any_in_it() -> None:
    assert code_block("a ```` b").startswith("`````text\n")


@pytest.mark.parametrize("status", list(Status))
def test_every_status_has_its_words(status: Status) -> None:
    assert "| **Status** | " in render_comment(replace(GOOD, status=status))


def test_an_address_that_shows_nothing_is_no_link() -> None:
    body = render_comment(replace(GOOD, shown=None))
    assert f"| **Address** | `{ADDRESS.url}` |" in body
    assert f"<{ADDRESS.url}>" not in body


def test_an_address_that_shows_another_commit_says_so() -> None:
    body = render_comment(replace(GOOD, shown="a" * 40))
    assert f"({ADDRESS.alternate_url}) shows `aaaaaaa` |" in body
    assert f"| **This commit** | <{OWN}> |" in body


def test_a_pinned_preview_says_who_pinned_it() -> None:
    body = render_comment(replace(GOOD, shown="a" * 40, pinned_by="by ada"))
    assert (
        "| **Pinned** | to `aaaaaaa` by ada: pushes do not go live until somebody resumes |"
        in body.splitlines()
    )


def test_a_preview_that_expired_says_what_to_do() -> None:
    body = render_comment(replace(GOOD, shown=None, own_url=None, has_expired=True, expires_on=None))
    assert f"`{ADDRESS.url}` has expired: push again |" in body
    assert "Expires" not in body


def test_promotions_are_told() -> None:
    promotions = (
        Promotion("staging", "over the API", "b" * 40, is_live=False),
        Promotion("production", "by ada", "c" * 40, is_live=True),
    )
    lines = render_comment(replace(GOOD, promotions=promotions)).splitlines()
    assert "| **Promoted** | to staging over the API: `bbbbbbb` |" in lines
    assert "| **Promoted** | to production by ada: `ccccccc`, live |" in lines


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_name_changes_nothing_but_its_text(text: str) -> None:
    named = replace(
        GOOD, pinned_by="by ada", promotions=(Promotion("production", "by ada", "c" * 40, is_live=True),)
    )
    hostile = replace(
        GOOD,
        pinned_by=by_whom(f"a{text}"),
        promotions=(Promotion("production", by_whom(f"a{text}"), "c" * 40, is_live=True),),
    )
    assert shape(render_comment(hostile)) == shape(render_comment(named))


def test_before_the_first_run_there_is_little_to_say() -> None:
    body = render_comment(CommentFacts(**NOTHING))
    assert "Waiting for a runner" in body
    assert "Address" not in body
    assert "Run" not in body
    assert "commit**" not in body


NEWER = "def5678" + "0" * 33


def of_fork(facts: CommentFacts | None = None, head: str = GOOD.commit, **fork: Any) -> str:
    """Return what a fork's comment says above its table."""
    body = render_comment(replace(facts or CommentFacts(**NOTHING), fork=ForkFacts(head, **fork)))
    return body.partition("### Preview")[2].partition("| | |")[0].strip()


def test_a_fork_is_told_why() -> None:
    assert of_fork() == (
        "**Not deployed.** This pull request comes from a fork: it is built without credentials, and nothing "
        "of it is deployed until somebody with write access says `/preview 4b825dc`, which is good for that "
        "one commit."
    )
    assert "Status" not in render_comment(CommentFacts(**NOTHING, fork=ForkFacts(NEWER)))


def test_what_is_approved_waits_for_its_run() -> None:
    expected = "`4b825dc` was approved by ada and is shown when its run has ended well."
    assert of_fork(approved_by="by ada") == expected


def test_what_is_shown_of_a_fork_says_who_approved_it() -> None:
    assert of_fork(GOOD, approved_by="by ada", shown_by="by ada") == "Shows `4b825dc`, approved by ada."
    table = SNAPSHOT.partition("| | |")[2]
    body = render_comment(replace(GOOD, fork=ForkFacts(GOOD.commit, "by ada", "by ada")))
    assert body.partition("| | |")[2] == table


def test_a_newer_commit_of_a_fork_is_not_approved() -> None:
    assert of_fork(GOOD, NEWER, shown_by="by ada") == (
        "Shows `4b825dc`, approved by ada.\n"
        "`def5678` is not approved: somebody with write access can say `/preview def5678`."
    )


def test_a_newer_commit_of_a_fork_is_approved_too() -> None:
    assert of_fork(GOOD, NEWER, approved_by="over the API", shown_by="by ada") == (
        "Shows `4b825dc`, approved by ada.\n"
        "`def5678` was approved over the API and is shown when its run has ended well."
    )


def test_an_approved_commit_that_could_not_be_shown() -> None:
    failed = replace(GOOD, status=Status.ERROR, shown=None, error="reading the artifact: it is damaged")
    assert of_fork(failed, approved_by="by ada") == "`4b825dc` was approved by ada."
    assert of_fork(failed, NEWER).startswith("**Not deployed.**")


def test_a_wish_that_was_not_granted_is_answered_with_the_whole_name() -> None:
    told = of_fork(GOOD, NEWER, shown_by="by ada", refusal="ada said /preview before def5678 came")
    assert told.endswith(
        f"\n\n**Nothing changed:** ada said /preview before def5678 came. "
        f"To show the newest commit, say `/preview {NEWER}`."
    )
    assert "Nothing changed" not in of_fork(GOOD, NEWER, approved_by="by ada", refusal="x")


def test_a_name_mentions_nobody() -> None:
    told = of_fork(GOOD, NEWER, shown_by="by @ada", refusal="@ada | said <b>")
    assert "@ada" not in told
    assert "<b>" not in told


def test_a_fork_that_is_closed_or_has_expired() -> None:
    assert of_fork(replace(GOOD, is_open=False)) == "This pull request is closed: its preview was removed."
    expired = replace(GOOD, shown=None, has_expired=True, fork=ForkFacts(GOOD.commit, "by ada"))
    assert "has expired: say `/preview` again |" in render_comment(expired)


def test_an_error_is_shown_only_where_it_counts() -> None:
    for changes in ({"status": Status.READY}, {"status": Status.ERROR, "is_open": False}):
        assert "wrong" not in render_comment(replace(GOOD, error="wrong", **changes))


def test_the_path_is_not_shown_twice() -> None:
    body = render_comment(replace(GOOD, address=Address("https://d.test/app/x", "https://d.test/app/x")))
    assert "by path" not in body


def test_times_are_utc() -> None:
    local = datetime(2026, 11, 22, 13, 30, tzinfo=timezone(timedelta(hours=1)))
    assert "| 2026-11-22 12:30:00 UTC |" in render_comment(replace(GOOD, updated_at=local))


def test_the_digest_ignores_nothing_but_the_time() -> None:
    assert GOOD.digest() == replace(GOOD, updated_at=datetime.now(UTC)).digest()
    others = [
        replace(GOOD, is_open=False),
        replace(GOOD, fork=ForkFacts(GOOD.commit)),
        replace(GOOD, fork=ForkFacts(GOOD.commit, "by ada")),
        replace(GOOD, fork=ForkFacts(GOOD.commit, refusal="x")),
        replace(GOOD, status=Status.ERROR),
        replace(GOOD, commit="a" * 40),
        replace(GOOD, message="other"),
        replace(GOOD, phases={}),
        replace(GOOD, error="x"),
        replace(GOOD, run_url=None),
        replace(GOOD, address=None),
        replace(GOOD, shown=None),
        replace(GOOD, own_url=None),
        replace(GOOD, pinned_by="by ada"),
        replace(GOOD, has_expired=True),
        replace(GOOD, expires_on="2026-11-30"),
        replace(GOOD, promotions=(Promotion("production", "by ada", "c" * 40, is_live=True),)),
    ]
    assert len({GOOD.digest(), *(other.digest() for other in others)}) == len(others) + 1


def test_each_app_has_its_own_marker() -> None:
    assert marker("app_1") != marker("app_2")
    assert render_comment(GOOD).startswith(marker("app_0001") + "\n")
