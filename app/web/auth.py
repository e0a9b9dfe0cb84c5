"""The operator's own token: what it takes where no caller is looked up, because nobody's rights matter."""

import hmac

from flask import request

from app.errors import Unauthenticated
from app.web.context import context


def require_token() -> None:
    """Let a request pass that bears the operator's token.

    Raises:
        Unauthenticated: there is no token, or another one.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    expected = context().api_token.reveal().encode()
    if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), expected):
        raise Unauthenticated(
            "calling the API: send Authorization: Bearer with the value of BRANCHLINE_API_TOKEN",
            code="request:unauthenticated",
        )
