"""The pages on which a person sits down, lets an application act for them, and types a device's code in."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for

from sandbox.github.oauth import clients, codes, sittings
from sandbox.github.oauth.codes import Asked
from sandbox.github.shapes import accounts
from sandbox.github.site import current_site

if TYPE_CHECKING:
    from flask import Response
    from werkzeug.wrappers import Response as BaseResponse

    from sandbox.github.database import Row

routes = Blueprint("oauth_pages", __name__, template_folder="templates")


@routes.after_request
def _unframed(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'"
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@routes.get("/login")
def login() -> str:
    """Ask who sits there."""
    return render_template(
        "oauth/login.html", people=sittings.people(), here=_local(request.args.get("return_to", "/"))
    )


@routes.post("/session")
def sit_down() -> BaseResponse:
    """Let somebody sit down."""
    account = accounts.by_login(current_site(), request.form.get("login", ""))
    if account is None or account["id"] not in {row["id"] for row in sittings.people()}:
        abort(404)
    response = make_response(redirect(_local(request.form.get("return_to", "/"))))
    sittings.sit_down(account, response)
    return response


@routes.post("/logout")
def stand_up() -> BaseResponse:
    """Let somebody get up again."""
    response = make_response(redirect("/"))
    sittings.stand_up(response)
    return response


@routes.get("/login/oauth/authorize")
def ask() -> BaseResponse | str:
    """Ask whether an application may act for the person."""
    client, asked = _asked()
    if not clients.may_return_to(client, asked.redirect_uri):
        return _back(
            {"redirect_uri": client["callback_url"]},
            error="redirect_uri_mismatch",
            error_description="The redirect_uri is not associated with this application.",
        )
    account = sittings.sitting()
    if account is None:
        return redirect(url_for("oauth_pages.login", return_to=request.full_path))
    return render_template("oauth/authorize.html", client=client, account=account, key=sittings.form_key())


@routes.post("/login/oauth/authorize")
def answer() -> BaseResponse:
    """Send the browser back to the application, with a code or without."""
    client, asked = _asked()
    account = _checked_person()
    if not clients.may_return_to(client, asked.redirect_uri):
        abort(400)
    if request.form.get("decision") != "allow":
        return _back(
            request.args.to_dict(),
            error="access_denied",
            error_description="The user has denied your application access.",
        )
    return _back(request.args.to_dict(), code=codes.give_code(current_site(), account, asked))


@routes.get("/login/device")
def device() -> BaseResponse | str:
    """Ask for a device's code."""
    account = sittings.sitting()
    if account is None:
        return redirect(url_for("oauth_pages.login", return_to=request.full_path))
    return render_template(
        "oauth/device.html", account=account, key=sittings.form_key(), code=request.args.get("user_code", "")
    )


@routes.post("/login/device")
def decide() -> tuple[str, int] | str:
    """Let a device act for the person, or not."""
    account = _checked_person()
    row = codes.device(current_site(), request.form.get("user_code", ""))
    if row is None:
        told = "There is no such code, or its time is over."
        return render_template("oauth/done.html", told=told), 404
    is_allowed = request.form.get("decision") == "allow"
    codes.decide(current_site(), row, account, is_allowed=is_allowed)
    told = "The device is connected. You may close this page." if is_allowed else "The device was refused."
    return render_template("oauth/done.html", told=told)


def _asked() -> tuple[Row, Asked]:
    """Return the application and what it asks; an unknown one has no page."""
    client = clients.by_id(current_site(), request.args.get("client_id", "")) or abort(404)
    if request.args.get("code_challenge") and request.args.get("code_challenge_method") != "S256":
        abort(400, "code_challenge_method must be S256")
    return client, Asked(
        client_id=client["client_id"],
        redirect_uri=request.args.get("redirect_uri") or client["callback_url"],
        scope=request.args.get("scope", ""),
        challenge=request.args.get("code_challenge", ""),
    )


def _checked_person() -> Row:
    account = sittings.sitting()
    if account is None or not hmac.compare_digest(request.form.get("key", ""), sittings.form_key()):
        abort(403)
    return account


def _back(asked: dict[str, str], **answered: str) -> BaseResponse:
    """Send the browser to the application with an answer, and with the state that it came with."""
    state = request.args.get("state")
    told = answered | ({"state": state} if state is not None else {})
    address = asked.get("redirect_uri") or _asked()[1].redirect_uri
    return redirect(f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(told)}")


def _local(address: str) -> str:
    """Return an address on this site, and its home for any other."""
    is_local = address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if is_local else "/"
