"""Outside text made fit to be shown: what every template and every vendor wants of it."""

from typing import Final

_NAME_CHARACTERS: Final = 80


def one_line(text: str, limit: int) -> str:
    """Return text as one printable line of at most `limit` characters; what is cut off leaves an ellipsis."""
    printable = text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
    line = " ".join(printable.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def by_whom(actor: str | None) -> str:
    """Return who did something, as the end of a sentence: a person's or a token's name, or how they came."""
    if actor in {None, "operator", "token"}:
        return "over the API"
    name = str(actor).removeprefix("person:")
    return f"by {one_line(name, _NAME_CHARACTERS)}"
