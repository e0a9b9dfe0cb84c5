"""Outside text made fit to be shown: what every template and every vendor wants of it."""


def one_line(text: str, limit: int) -> str:
    """Return text as one printable line of at most `limit` characters; what is cut off leaves an ellipsis."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
