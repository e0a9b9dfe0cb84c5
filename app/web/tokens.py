"""`/api/tokens`: tokens of the API, made, listed and taken back; `/api/me`: who asks."""

from flask import Response, jsonify, request
from flask_openapi3.blueprint import APIBlueprint

from app.domain.callers import ApiToken, Caller, Person, digest_of
from app.domain.rights import Act
from app.errors import NotAllowed, NotFound
from app.pipeline.tokens import TokenOrder, good_tokens, make_token, revoke_token, token_of
from app.web.context import context
from app.web.errors import API_ERRORS, ErrorOut
from app.web.forms import require_object
from app.web.guard import actor, caller, needs, owner_id
from app.web.token_forms import TokenIn, TokenPath, TokensQuery
from app.web.views.tokens import MeView, NewTokenView, TokensView, TokenView

api = APIBlueprint(
    "tokens",
    __name__,
    url_prefix="/api/tokens",
    abp_security=[{"token": []}],
    abp_responses=API_ERRORS,
)
me = APIBlueprint(
    "me", __name__, url_prefix="/api/me", abp_security=[{"token": []}], abp_responses=API_ERRORS
)
api.before_request(require_object)


@me.get("", responses={"200": MeView})
@needs(Act.SEE)
def show_me() -> Response:
    """Tell who asks, and how much they may do at most."""
    return jsonify(MeView.of(caller()).body())


@api.get("", responses={"200": TokensView, "403": ErrorOut})
@needs(Act.ACCOUNT)
def list_tokens(query: TokensQuery) -> Response:
    """List the tokens that are good, newest first."""
    given = context()
    with given.records.read() as tx:
        found = good_tokens(tx, caller(), given.clock(), of_everybody=query.everybody)
    return jsonify(TokensView(items=[TokenView.of(it) for it in found]).body())


@api.post("", responses={"201": NewTokenView, "403": ErrorOut, "409": ErrorOut, "429": ErrorOut})
@needs(Act.ACCOUNT)
def create_token(body: TokenIn) -> tuple[Response, int]:
    """Make a token; its secret is in this answer and nowhere else."""
    token, secret = make(body)
    return jsonify(NewTokenView.of(token, token=secret).body()), 201


@api.delete("/current", responses={"200": TokenView})
@needs(Act.SEE)
def revoke_current() -> Response:
    """Have the very token that asks be good no more."""
    with context().records.read() as tx:
        token = tx.api_tokens.by_digest(digest_of(_borne()))
    if token is None:
        raise NotFound("looking for the token that asks: it is no token that was made here")
    return _revoked(token.id)


@api.delete("/<token>", responses={"200": TokenView, "403": ErrorOut})
@needs(Act.ACCOUNT)
def revoke(path: TokenPath) -> Response:
    """Have a token good no more."""
    with context().records.read() as tx:
        token = token_of(tx, path.token, caller())
    return _revoked(token.id)


def make(wanted: TokenIn) -> tuple[ApiToken, str]:
    """Make a token as the caller may have it, and return it with its secret.

    One that is made with a token ends with that: nobody who found a token makes it good for longer.

    Raises:
        NotAllowed: only operators have tokens made for services.
        NotFound: there is no such app, or the caller may not see it.
    """
    given, owner = context(), owner_of_new(caller(), is_service=wanted.service)
    order = TokenOrder(wanted.name, wanted.scope, owner_id(wanted.app), wanted.lifetime, caller().until)
    with given.records.begin() as tx:
        return make_token(tx, order, owner, actor=actor(), at=given.clock())


def owner_of_new(asking: Caller, *, is_service: bool) -> Person | None:
    """Return whose a new token is, None for a service's. Raises NotAllowed."""
    if asking.person is not None and not is_service:
        return asking.person
    if not asking.is_operator:
        raise NotAllowed(
            "making a token of a service: that is for operators, whom BRANCHLINE_OPERATORS names",
            code="operator:only",
        )
    return None


def _revoked(token_id: str) -> Response:
    given = context()
    with given.records.begin() as tx:
        token = revoke_token(tx, tx.api_tokens.get(token_id), actor=actor(), at=given.clock())
    return jsonify(TokenView.of(token).body())


def _borne() -> str:
    return request.headers.get("Authorization", "").partition(" ")[2].strip()
