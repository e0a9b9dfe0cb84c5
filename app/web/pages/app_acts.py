"""What is done from an app's page: each is a plain form, and does what the API does under the same rights."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeVar

from flask import Response, request

from app.domain.apps import App, Heal
from app.domain.deployments import Deployment
from app.domain.environments import Environment
from app.domain.events import Event, Tag
from app.domain.rights import Act
from app.errors import BranchlineError, InvalidInput, NotFound
from app.pipeline.known import standing_app
from app.pipeline.point import Decision
from app.pipeline.promote import request_promotion
from app.pipeline.reconcile import request_reconcile
from app.pipeline.redeploy import request_redeploy
from app.pipeline.resume import resume
from app.pipeline.rollback import rollback
from app.pipeline.variables import Editor, remove, set_secrets, set_variables
from app.ports import Transaction
from app.web.apps import delete_known
from app.web.context import context
from app.web.errors import refusal
from app.web.guard import actor, needs, require
from app.web.pages.app import back_to, page_of, pages

_LONGEST_WORD: Final = 200
T = TypeVar("T", Environment, Heal)


@pages.post("/apps/<app>/rollback")
@needs(Act.RELEASE)
def roll_back(app: str) -> Response:
    """Put an earlier deployment back, and keep pushes from going live."""

    def act(tx: Transaction, known: App) -> None:
        environment = _chosen(Environment, "environment")
        require(Act.RELEASE, known, environment)
        rollback(tx, known.id, environment, _word("to") or None, _decision())

    return _done(app, act, "rolled-back", "environments")


@pages.post("/apps/<app>/resume")
@needs(Act.RELEASE)
def resume_pushes(app: str) -> Response:
    """Let pushes go live again."""

    def act(tx: Transaction, known: App) -> None:
        environment = _chosen(Environment, "environment")
        require(Act.RELEASE, known, environment)
        resume(tx, known.id, environment, None, _decision())

    return _done(app, act, "resumed", "environments")


@pages.post("/apps/<app>/promote")
@needs(Act.RELEASE)
def promote(app: str) -> Response:
    """Have the very bytes of a deployment live in an environment."""

    def act(tx: Transaction, known: App) -> None:
        environment = _chosen(Environment, "environment")
        require(Act.RELEASE, known, environment)
        request_promotion(tx, _deployment(tx, known).id, environment, _decision())

    return _done(app, act, "promoted", "environments")


@pages.post("/apps/<app>/redeploy")
@needs(Act.DEPLOY)
def redeploy(app: str) -> Response:
    """Have a deployment's workflow run once more."""

    def act(tx: Transaction, known: App) -> None:
        request_redeploy(tx, _deployment(tx, known).id, _decision())

    return _done(app, act, "redeployed", "timeline")


@pages.post("/apps/<app>/heal")
@needs(Act.RECONCILE)
def heal(app: str) -> Response:
    """Look at the app once more, and heal what may be healed."""

    def act(tx: Transaction, known: App) -> None:
        allowed = _word("heal")
        request_reconcile(
            tx,
            standing_app(tx, known.id, "looking for drift of"),
            actor=actor(),
            heal=_chosen(Heal, "heal") if allowed else None,
        )

    return _done(app, act, "healing", "drift")


@pages.post("/apps/<app>/variables")
@needs(Act.SET_VARIABLES)
def set_variable(app: str) -> Response:
    """Set a variable or, where it is said to be one, a secret."""

    def act(tx: Transaction, known: App) -> None:
        environment, values = _chosen(Environment, "environment"), {_word("name"): _value()}
        if _is_secret():
            require(Act.SET_SECRETS, known)
            set_secrets(tx, known.id, environment, values, _editor())
        else:
            set_variables(tx, known.id, environment, values, _editor())

    return _done(app, act, "variable-set", "variables")


@pages.post("/apps/<app>/variables/remove")
@needs(Act.SET_VARIABLES)
def remove_variable(app: str) -> Response:
    """Remove a variable, or a secret."""

    def act(tx: Transaction, known: App) -> None:
        if _is_secret():
            require(Act.SET_SECRETS, known)
        environment = _chosen(Environment, "environment")
        remove(tx, known.id, environment, _word("name"), _editor(), is_secret=_is_secret())

    return _done(app, act, "variable-removed", "variables")


@pages.post("/apps/<app>/policy")
@needs(Act.SET_POLICY)
def set_policy(app: str) -> Response:
    """Decide what may be healed of the app by itself."""

    def act(tx: Transaction, known: App) -> None:
        at, policy = context().clock(), _chosen(Heal, "heal") if _word("heal") else None
        standing = standing_app(tx, known.id, "changing")
        tx.apps.save(replace(standing, heal=policy, updated_at=at))
        payload = {"heal": policy.value if policy else None}
        tx.events.append(Event(Tag.APP_POLICY_SET, known.id, actor(), at, payload))

    return _done(app, act, "policy-set", "settings")


@pages.post("/apps/<app>/delete")
@needs(Act.DELETE)
def delete(app: str) -> Response:
    """Delete the app, when its name was typed in."""

    def act(tx: Transaction, known: App) -> None:
        if _word("confirmation") != known.name:
            raise InvalidInput(f"deleting {known.name}: type its name to say that you mean it")
        is_kept = _word("repository") != "delete"
        delete_known(tx, known.id, keep_repository=is_kept)

    return _done(app, act, "deleting", "main")


def _done(key: str, act: Callable[[Transaction, App], None], done: str, part: str) -> Response:
    """Act in a transaction, and show the app's page: where it went well anew, else with why it did not."""
    try:
        with context().records.begin() as tx:
            known = tx.apps.get(key)
            act(tx, known)
    except NotFound as error:
        if error.error_code == "app:not-found":
            raise
        return page_of(key, error=error)
    except BranchlineError as error:
        return page_of(key, error=refusal(error), typed=_typed())
    return back_to(known, done, part)


def _typed() -> dict[str, str]:
    """Return what was typed, so that nobody types it again; a secret's value is not sent back."""
    typed = {name: _word(name) for name in ("name", "environment", "kind")}
    return typed if _is_secret() else {**typed, "value": _value()}


def _deployment(tx: Transaction, app: App) -> Deployment:
    """Return the deployment that a form names; another app's is unknown. Raises NotFound."""
    deployment = tx.deployments.get(_word("deployment"))
    if deployment.app_id != app.id:
        raise NotFound.of("deployment", deployment.id)
    return deployment


def _word(name: str) -> str:
    return request.form.get(name, "").strip()[:_LONGEST_WORD]


def _value() -> str:
    # Browsers end the lines of a form in a way of their own.
    return request.form.get("value", "").replace("\r\n", "\n")


def _is_secret() -> bool:
    return _word("kind") == "secret"


def _chosen(kind: type[T], name: str) -> T:
    text = _word(name)
    if text not in set(kind):
        raise InvalidInput(f"reading {name}: it is none of {', '.join(kind)}")
    return kind(text)


def _decision() -> Decision:
    return Decision(actor(), context().clock(), context().platform)


def _editor() -> Editor:
    given = context()
    return Editor(actor=actor(), at=given.clock(), vault=given.vault, platform=given.platform)
