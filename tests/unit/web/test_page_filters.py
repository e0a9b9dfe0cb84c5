"""What filters make of times, spans, and the text and addresses of others."""

import pytest

from app.web.pages import filters


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (0, "just now"),
        (59, "just now"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (7200, "2 h ago"),
        (86_400 * 3.9, "3 d ago"),
        (-30, "in under a minute"),
        (-86_400 * 2, "in 2 d"),
    ],
)
def test_times_are_told_in_few_words(passed: float, words: str) -> None:
    assert filters.relative(passed) == words


@pytest.mark.parametrize(
    ("value", "words"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (12.4, "12 s"), (200, "3 min 20 s"), (None, "-")]
)
def test_spans_are_told_in_few_words(value: float | None, words: str) -> None:
    assert filters.seconds(value) == words


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "//elsewhere.example",
        "/relative",
        "http:",
        "https://[",
        "",
        None,
    ],
)
def test_what_is_no_address_of_the_web_is_no_link(url: str | None) -> None:
    assert filters.link("<b>", url) == "&lt;b&gt;"


def test_an_address_of_the_web_is_a_link() -> None:
    found = filters.link("<b>", 'https://a.example/?"onclick=x&y')
    assert found == (
        '<a href="https://a.example/?&#34;onclick=x&amp;y" rel="noopener noreferrer">&lt;b&gt;</a>'
    )


def test_a_line_is_cut_and_told_whole() -> None:
    found = filters.line("first \u202eline\n" + "x" * 10_000)
    assert found.startswith('<bdi class="line" title="first')
    assert found.endswith(">first line</bdi>")
    assert "x" * 10_000 in found
    assert len(filters.line("y" * 10_000).rpartition('">')[2]) < 320


def test_text_is_set_apart() -> None:
    assert filters.isolate("\u202e<i>%s") == "<bdi>\u202e&lt;i&gt;%s</bdi>"
    assert filters.isolate(None) == "<bdi></bdi>"


@pytest.mark.parametrize(
    ("actor", "name"),
    [
        ("person:ada", "ada"),
        ("github:grace", "grace"),
        ("token:ci", "ci"),
        ("operator", "operator"),
        ("workflow", "workflow"),
        ("job_01k", "job"),
        ("person:", ""),
        (None, "somebody"),
    ],
)
def test_whoever_did_it_is_named_in_the_fewest_words(actor: str | None, name: str) -> None:
    assert filters.who(actor) == name


def test_never_is_a_dash() -> None:
    assert "time" not in filters.ago(None)
