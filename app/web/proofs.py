"""Who is a workflow run: the proof that a message of `deploy.mjs` carries, in the operator's mode.

With `oidc` GitHub vouches for the run, and what it says replaces what the message says; else the app's key
signs the message, and vouches for all of it. A proof is good for one message. Where a run may deploy is for
its app's branches to say; this room only sees to it that no other run asks.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from flask import request

from app.domain.apps import App
from app.domain.deliveries import Delivery, DeliverySource, DeliveryStatus
from app.domain.deployments import Deployment
from app.domain.environments import environment_of
from app.domain.platform import DeployAuth
from app.domain.runs import RunClaims, RunReport
from app.errors import BadSignature, Stale, Unauthenticated
from app.ports import Transaction
from app.web import bodies, signing
from app.web.context import context

_MAXIMUM_MESSAGE_BYTES: Final = 64 * 1024
# Longer than the verifier's leeway: what it would still take must still be remembered.
_REMEMBERED_LONGER: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Proof:
    """That a run of `app` sent `body`, and that this once: `id` is remembered up to `until`.

    `claims` is what GitHub vouches for; without it the app's key signed the body.
    """

    app: App
    id: str
    until: datetime
    body: bytes
    claims: RunClaims | None = None

    def report(self, told: RunReport) -> RunReport:
        """Return what a message says of its run, as far as that is proven."""
        if self.claims is None:
            return told
        page = self.app.repository.html_url if self.app.repository else ""
        return told.vouched_for(self.claims, f"{page}/actions/runs/{self.claims.run_id}")

    def use(self, tx: Transaction, report: RunReport, event: str, at: datetime) -> None:
        """Use the proof up in the transaction that does the work, and keep the message.

        Raises:
            Unauthenticated, Stale: it was used before, or contradicts what we know of the run.
        """
        if not tx.tokens.use(self.id, self.until):
            raise self._used()
        if self.claims is not None:
            _check_against_known(tx, self.app, self.claims, report)
        delivery = Delivery(
            guid=self.id,
            source=DeliverySource.WORKFLOW,
            event=event,
            headers={},
            body=self.body,
            received_at=at,
            status=DeliveryStatus.PROCESSED,
            processed_at=at,
        )
        tx.deliveries.add(delivery)

    def _used(self) -> Unauthenticated | Stale:
        if self.claims is None:
            return Stale("verifying a deployment message: it was used before")
        return _refused("it was used before: ask GitHub for a new one for each message", code="oidc:used")


def prove() -> Proof:
    """Return whose run sent the request at hand.

    Raises:
        Unauthenticated: it carries no token that we believe, or a proof of another mode.
        BadSignature, Stale: no app's key signed it, or not just now.
        TooLarge: its body is no message.
        RemoteUnavailable: nobody can tell right now.
    """
    bodies.check_length(_MAXIMUM_MESSAGE_BYTES)
    if context().platform.deploy_auth is DeployAuth.OIDC:
        return _by_token()
    return _by_key()


# -------------------- with GitHub's token


def _by_token() -> Proof:
    claims = context().verify_token(_bearer_token())
    body = bodies.read(_MAXIMUM_MESSAGE_BYTES)
    with context().records.read() as tx:
        app = tx.apps.by_repository(claims.repository_id)
    if app is None:
        raise _refused("no app here has the repository that it is for", code="oidc:unknown-repository")
    _check_owner(app, claims)
    _check_environment(app, claims)
    return Proof(app, claims.token_id, claims.expires_at + _REMEMBERED_LONGER, body, claims)


def _bearer_token() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated(
            "deploying: send Authorization: Bearer with a token of GitHub's for this run; the job needs "
            "`permissions: id-token: write`, as deploy.yml has it. A signature is not taken here "
            "(BRANCHLINE_DEPLOY_AUTH is oidc): remove the repository's secret BRANCHLINE_SECRET",
            code="oidc:required",
        )
    return token.strip()


def _check_owner(app: App, claims: RunClaims) -> None:
    """Accept the owner under whom we know the repository, by id: a name may be given to somebody else."""
    known = app.repository.owner_id if app.repository else None
    if known is None or claims.owner_id != known:
        raise _refused(
            "its repository has another owner than the one that Branchline knows; when it was transferred, "
            "transfer it back or ask for a new app",
            code="oidc:wrong-owner",
        )


def _check_environment(app: App, claims: RunClaims) -> None:
    """Accept the environment that the app's branches give this run: GitHub has its rules for it enforced."""
    expected = environment_of(claims.branch, claims.pull_request, app.branches)
    if claims.environment != expected:
        named = f"names {claims.environment[:60]!r}" if claims.environment else "names none"
        raise _refused(
            f"a run of {claims.event} on {claims.ref[:100]} deploys to {expected}, and its job {named} as "
            "its environment: leave `environment` of deploy.yml and the variable BRANCHLINE_ENVIRONMENTS as "
            "Branchline installed them",
            code="oidc:wrong-environment",
        )


def _check_against_known(tx: Transaction, app: App, claims: RunClaims, report: RunReport) -> None:
    """Accept what agrees with what GitHub told us before; its word of a new run may still be on the way."""
    known = tx.deployments.by_run(app.id, claims.run_id, claims.run_attempt)
    pull = tx.pulls.get(app.id, claims.pull_request) if claims.pull_request is not None else None
    if (known and known.is_from_fork) or (pull and pull.is_from_fork):
        raise _refused("runs of pull requests from forks do not deploy by themselves", code="oidc:fork")
    if known is not None:
        is_right = _is_what_it_says(known, claims, report)
    elif pull is not None and report.commit != pull.head_commit:
        is_right = not _is_known(tx, app, pull.number, report.commit)
    else:
        is_right = True
    if not is_right:
        why = (
            f"GitHub told us of another commit than {report.commit[:7]} for this run: run the workflow again"
        )
        raise _refused(why, code="oidc:wrong-commit")


def _is_what_it_says(known: Deployment, claims: RunClaims, report: RunReport) -> bool:
    return (known.commit, known.environment) == (report.commit, claims.environment)


def _is_known(tx: Transaction, app: App, number: int, commit: str) -> bool:
    return any(it.commit == commit for it in tx.deployments.find(app.id, pull_request=number))


def _refused(why: str, *, code: str) -> Unauthenticated:
    return Unauthenticated(f"verifying a run's token: {why}", code=code)


# -------------------- with the app's key


def _by_key() -> Proof:
    if "webhook-signature" not in request.headers and "Authorization" in request.headers:
        raise Unauthenticated(
            "deploying: no token of GitHub's is taken here, but a signature with the repository's secret "
            f"BRANCHLINE_SECRET (BRANCHLINE_DEPLOY_AUTH is {context().platform.deploy_auth})",
            code="oidc:not-taken",
        )
    envelope = signing.Envelope.from_headers(dict(request.headers.items()))
    body = bodies.read(_MAXIMUM_MESSAGE_BYTES)
    claimed = _claimed_repository(body)
    with context().records.read() as tx:
        app = tx.apps.by_repository(claimed) if claimed is not None else None
    if app is None:
        raise BadSignature(signing.NOT_OURS)
    sent_at = signing.verify(context().deploy_secret(app.id), envelope, body, context().clock())
    return Proof(app, envelope.id, sent_at + 2 * signing.TOLERANCE, body)


def _claimed_repository(body: bytes) -> int | None:
    try:
        claimed = json.loads(body)["repository"]["id"]
    except (ValueError, RecursionError, TypeError, KeyError):
        return None
    return claimed if type(claimed) is int and abs(claimed) < 2**63 else None
