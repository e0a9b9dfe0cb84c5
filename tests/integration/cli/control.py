"""A control plane that answers what a test put into it, and what the command line said."""

from dataclasses import dataclass, field
from typing import Any

TOKEN = "canary-token-of-the-command-line"
# Answered with the header that says when to come again: at once.
TOO_BUSY = 503


@dataclass
class Control:
    """A control plane that answers what a test put into it; the last answer of a route is repeated."""

    answers: dict[tuple[str, str], list[tuple[int, Any]]] = field(default_factory=dict)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    url: str = ""

    def answer(self, method: str, path: str, *bodies: Any, status: int = 200) -> None:
        self.answers[method, path] = [(status, body) for body in bodies]

    def refuse(self, method: str, path: str, status: int, code: str, message: str) -> None:
        self.answer(method, path, {"error": {"code": code, "message": message, "details": {}}}, status=status)

    def take(self, method: str, path: str, body: Any, token: str | None) -> tuple[int, Any]:
        self.asked.append((method, path, body))
        self.tokens.append(token)
        known = self.answers.get((method, path.partition("?")[0]))
        if known is None:
            return 404, {"error": {"code": "request:not-found", "message": f"no {path}", "details": {}}}
        return known.pop(0) if len(known) > 1 else known[0]


@dataclass(frozen=True)
class Said:
    exit_code: int
    out: str
    err: str
