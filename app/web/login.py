"""`/api/login/device`: a terminal signs somebody in, and gets a token of the API that is theirs.

It asks us, and we ask GitHub: the token that GitHub gives stays here. Whoever asks has proved nothing yet.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint
from itsdangerous import BadData, URLSafeTimedSerializer

from app.domain.callers import ApiToken
from app.errors import BranchlineError, NotFound, Unauthenticated
from app.pipeline.sign_in import former_access, sign_in_device
from app.pipeline.tokens import TokenOrder
from app.ports.people import SignIn
from app.web.context import context
from app.web.errors import COMMON_ERRORS, ErrorOut
from app.web.forms import require_object
from app.web.stamps import stamps
from app.web.token_forms import DeviceIn, DeviceTokenIn
from app.web.views.tokens import DeviceView, NewTokenView, WaitingView

api = APIBlueprint("login", __name__, url_prefix="/api/login", abp_responses=COMMON_ERRORS)
api.before_request(require_object)

_PURPOSE: Final = "branchline/device"
_LONGEST_SECONDS: Final = 3600


@api.post("/device", responses={"200": DeviceView, "404": ErrorOut, "429": ErrorOut, "502": ErrorOut})
def begin_device(body: DeviceIn) -> Response:
    """Begin the sign-in of a device: its owner types a code in at GitHub."""
    del body
    port = _port()
    with context().calls.entered("beginning the sign-in of a device"):
        codes = port.begin_device()
    return jsonify(DeviceView.of(codes, str(_stamps().dumps(codes.device_code))).body())


@api.post(
    "/device/token",
    responses={
        "200": WaitingView,
        "201": NewTokenView,
        "401": ErrorOut,
        "404": ErrorOut,
        "409": ErrorOut,
        "429": ErrorOut,
        "502": ErrorOut,
    },
)
def finish_device(body: DeviceTokenIn) -> tuple[Response, int]:
    """Ask whether its owner has decided: 201 with a token, or 200 while they have not."""
    port = _port()
    device_code, order = _device_code(body.device_code), TokenOrder(body.name, body.scope)
    with context().calls.entered("signing in a device"):
        access = port.finish_device(device_code)
        made = None if access is None else _token(port, access, order)
    if made is None:
        return jsonify(WaitingView().body()), 200
    token, secret = made
    return jsonify(NewTokenView.of(token, token=secret).body()), 201


def forget_access(port: SignIn, access: str | None) -> None:
    """Have GitHub take a token back that nobody needs any more, if it can be reached."""
    if access is not None:
        with suppress(BranchlineError):
            port.revoke(access)


@contextmanager
def kept_or_forgotten(port: SignIn, access: str) -> Iterator[None]:
    """Have GitHub take a new token back when what is to keep it does not come about."""
    try:
        yield
    except BaseException:
        forget_access(port, access)
        raise


def _token(port: SignIn, access: str, order: TokenOrder) -> tuple[ApiToken, str]:
    given = context()
    with kept_or_forgotten(port, access):
        account = port.account(access)
        with given.records.begin() as tx:
            replaced = former_access(tx, account, given.vault)
            made = sign_in_device(tx, account, access, order, vault=given.vault, at=given.clock())
    forget_access(port, replaced)
    return made


def _port() -> SignIn:
    port = context().sign_in
    if port is None:
        raise NotFound(
            "signing in: nobody can here; an operator has to set GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET",
            code="sign-in:not-set-up",
        )
    return port


def _device_code(stamped: str) -> str:
    """Return GitHub's code of a device that we began with. Raises Unauthenticated."""
    try:
        return str(_stamps().loads(stamped, max_age=_LONGEST_SECONDS))
    except BadData:
        raise Unauthenticated(
            "signing in a device: this is no device's code of ours; begin again",
            code="sign-in:device-unknown",
        ) from None


def _stamps() -> URLSafeTimedSerializer:
    return stamps(context().secret_key.reveal(), _PURPOSE, context().clock)
