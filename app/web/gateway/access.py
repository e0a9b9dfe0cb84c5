"""Who may do what at the gateway: a grant puts up one script, the token of a session sends its assets.

Everything here is decided from the request's first line and headers; no body has been read yet.
"""

from flask import request

from app.cloudflare.gateway.sessions import AssetSession
from app.domain.deployments import Deployment, Status
from app.errors import NotAllowed, NotFound, Unauthenticated
from app.web.gateway.context import context


def granted(account_id: str, namespace: str, script: str) -> Deployment:
    """Return the deployment whose grant this request bears.

    Raises:
        Unauthenticated: it bears none, or one that has expired.
        NotAllowed: the grant is for something else, or its deployment has ended.
    """
    deployment = granted_in_account(account_id)
    if (namespace, script) != (deployment.namespace, deployment.script):
        raise NotAllowed(
            f"deploying: this grant is for script {deployment.script} in namespace {deployment.namespace} "
            "and for no other",
            code="grant:other-script",
        )
    return deployment


def granted_script(account_id: str, script: str) -> Deployment:
    """Return the deployment whose grant this request bears, asked about its script by name alone."""
    return granted(account_id, granted_in_account(account_id).namespace, script)


def granted_in_account(account_id: str) -> Deployment:
    """Return the deployment whose grant this request bears, whatever it wants to know."""
    deployment = _open_deployment(context().grants.read(_bearer(), context().clock()))
    _check_account(account_id)
    return deployment


def granted_session(account_id: str) -> tuple[AssetSession, Deployment]:
    """Return the upload of assets whose token this request bears, and its deployment.

    Raises:
        Unauthenticated: it bears none, or one that has expired or is over.
        NotAllowed: the account is another, or the deployment has ended.
    """
    session = context().sessions.read(_bearer(), context().clock(), is_complete=False)
    deployment = _open_deployment(session.deployment_id)
    _check_account(account_id)
    return session, deployment


def _bearer() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated(
            "deploying: there is no grant in the Authorization header", code="grant:invalid"
        )
    return token.strip()


def _open_deployment(deployment_id: str) -> Deployment:
    """Return a deployment that takes uploads; what it is otherwise revokes its grant."""
    try:
        with context().records.read() as tx:
            deployment = tx.deployments.get(deployment_id)
    except NotFound:
        raise NotAllowed("deploying: the deployment is gone", code="grant:revoked") from None
    if deployment.status is not Status.DEPLOYING:
        raise NotAllowed(
            f"deploying: the deployment is {deployment.status}, which ended its grant", code="grant:revoked"
        )
    return deployment


def _check_account(account_id: str) -> None:
    if account_id != context().account_id:
        raise NotAllowed("deploying: this grant is for another account", code="grant:other-script")
