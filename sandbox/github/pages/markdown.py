"""Markdown as comments need it: tables and links, no HTML but for a few harmless tags, comments hidden."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from markdown_it import MarkdownIt
from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_HARMLESS = re.compile(r"&lt;(/?(?:details|summary|sub|sup|kbd|br|b|i|code))\s*/?&gt;")


def render(text: str | None) -> Markup:
    """Return a text as HTML that is safe to show."""
    return Markup(_parser.render(text or ""))  # noqa: S704 - every tag is ours or escaped by _html


def _html(_renderer: RendererHTML, tokens: Sequence[Token], index: int, *_rest: Any) -> str:
    """Hide HTML comments and show other HTML as text, a few tags without attributes excepted."""
    visible = _COMMENT.sub("", tokens[index].content)
    return _HARMLESS.sub(r"<\1>", str(escape(visible)))


_parser = MarkdownIt("commonmark", {"html": True, "breaks": True}).enable(["table", "strikethrough"])
_parser.add_render_rule("html_block", _html)
_parser.add_render_rule("html_inline", _html)
