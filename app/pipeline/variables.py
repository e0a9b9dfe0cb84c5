"""Variables: what an environment's scripts find in `env` is changed, and what is live is brought in line.

A change is written down with its name and its author, never with its value, and asks for a release of every
script that shows it: no build. A secret's value is ciphertext from here to the moment of putting a script up.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from app.domain.aliases import Alias
from app.domain.apps import App, AppStatus
from app.domain.environments import Environment
from app.domain.events import Event, Tag
from app.domain.jobs import Job
from app.domain.platform import Platform
from app.domain.variables import MAXIMUM_VARIABLES, Variable, check_value, check_variable_name
from app.errors import Conflict, NotFound, SecretUnreadable
from app.pipeline.release import request_release
from app.ports import Transaction, Vault

_SET: Final = {False: Tag.VARIABLE_SET, True: Tag.SECRET_SET}
_REMOVED: Final = {False: Tag.VARIABLE_REMOVED, True: Tag.SECRET_REMOVED}


@dataclass(frozen=True, slots=True)
class Editor:
    """Who changes variables, when, and what it takes."""

    actor: str
    at: datetime
    vault: Vault
    platform: Platform


@dataclass(frozen=True, slots=True)
class Change:
    """What came of a request: the variables as they are kept now, in the order in which they were given.

    `jobs` bring scripts in line, one for each that shows the environment; none when nothing is live, or
    nothing is different.
    """

    variables: Sequence[Variable]
    jobs: Sequence[Job]
    is_new: bool = False


def set_variables(
    tx: Transaction, key: str, environment: Environment, values: Mapping[str, str], by: Editor
) -> Change:
    """Set variables of an app's environment by name; others stay, and so does what has that value already.

    Raises:
        NotFound: there is no such app.
        InvalidInput: a name or a value is not possible.
        Conflict: a name is a secret's, there are too many, or the app takes none now.
    """
    return _set(tx, key, environment, values, by, is_secret=False)


def set_secrets(
    tx: Transaction, key: str, environment: Environment, values: Mapping[str, str], by: Editor
) -> Change:
    """Set secrets as `set_variables` sets variables, and keep their ciphertext."""
    return _set(tx, key, environment, values, by, is_secret=True)


def remove(
    tx: Transaction, key: str, environment: Environment, name: str, by: Editor, *, is_secret: bool
) -> Change:
    """Remove a variable, or a secret.

    Raises:
        NotFound: there is no such app, or nothing of that kind and name.
        Conflict: the app takes no change now.
    """
    app = _open_app(tx, key, by)
    variable = find(tx, app, environment, name, is_secret=is_secret)
    tx.variables.remove(app.id, environment, name)
    _write_down(tx, _REMOVED[is_secret], variable, by)
    return Change([replace(variable, updated_at=by.at)], _bring_in_line(tx, variable, by))


def find(tx: Transaction, app: App, environment: Environment, name: str, *, is_secret: bool) -> Variable:
    """Return a variable, or a secret. Raises NotFound."""
    for variable in tx.variables.of(app.id, environment):
        if variable.name == name and variable.is_secret is is_secret:
            return variable
    raise NotFound(
        f"looking for {_kind(is_secret=is_secret)} {name} of {app.name}/{environment}: there is none",
        code="secret:not-found" if is_secret else "variable:not-found",
    )


def _set(
    tx: Transaction,
    key: str,
    environment: Environment,
    values: Mapping[str, str],
    by: Editor,
    *,
    is_secret: bool,
) -> Change:
    app = _open_app(tx, key, by)
    known = {it.name: it for it in tx.variables.of(app.id, environment)}
    for name, value in values.items():
        check_value(check_variable_name(name), value)
        _check_kind(app, known.get(name), is_secret=is_secret)
    if len(known.keys() | values.keys()) > MAXIMUM_VARIABLES:
        raise Conflict(
            f"setting variables of {app.name}/{environment}: {MAXIMUM_VARIABLES} are the most, with secrets",
            code="variable:too-many",
        )
    kept = []
    for name, text in values.items():
        empty = Variable(app.id, environment, name, "", is_secret, by.at, by.actor)
        kept.append(_keep(tx, empty, text, known.get(name), by))
    changed = [it for it in kept if it is not known.get(it.name)]
    jobs = _bring_in_line(tx, changed[0], by) if changed else []
    return Change(kept, jobs, is_new=not values.keys() <= known.keys())


def _open_app(tx: Transaction, key: str, by: Editor) -> App:
    """Return the app, held, when its variables can be changed."""
    app = tx.apps.get(key, lock=True)
    if not by.platform.has_gateway:
        raise Conflict(
            f"changing variables of {app.name}: they need the deploy gateway, without which runs put up what "
            "they have themselves (BRANCHLINE_DEPLOY_AUTH=oidc or hmac)",
            code="variable:needs-gateway",
        )
    if app.status is AppStatus.DELETING:
        raise Conflict(f"changing variables of {app.name}: the app is being deleted", code="app:deleting")
    return app


def _check_kind(app: App, known: Variable | None, *, is_secret: bool) -> None:
    if known is not None and known.is_secret is not is_secret:
        raise Conflict(
            f"setting {known.name} of {app.name}/{known.environment}: it is a "
            f"{_kind(is_secret=known.is_secret)}; remove that first",
            code="secret:is-variable" if is_secret else "variable:is-secret",
            name=known.name,
        )


def _keep(tx: Transaction, empty: Variable, text: str, known: Variable | None, by: Editor) -> Variable:
    """Fill a variable and keep it, a secret as ciphertext; return what is known when that says the same."""
    if known is not None and _says(known, text, by.vault):
        return known
    value = by.vault.seal(empty.place, text) if empty.is_secret else text
    kept = replace(empty, value=value)
    tx.variables.save(kept)
    _write_down(tx, _SET[kept.is_secret], kept, by)
    return kept


def _says(known: Variable, text: str, vault: Vault) -> bool:
    if not known.is_secret:
        return known.value == text
    try:
        opened = vault.open(known.place, known.value)
    except SecretUnreadable:
        return False  # setting it again is what mends it
    return hmac.compare_digest(opened.encode(), text.encode())


def _write_down(tx: Transaction, tag: Tag, variable: Variable, by: Editor) -> None:
    payload = {"environment": variable.environment, "name": variable.name}
    tx.events.append(Event(tag, variable.app_id, by.actor, by.at, payload))


def _bring_in_line(tx: Transaction, changed: Variable, by: Editor) -> list[Job]:
    """Ask for a release of every script that shows the environment of what was changed."""
    jobs = list[Job]()
    for alias in tx.aliases.of_app(changed.app_id):
        if alias.environment is changed.environment and _shows_it(tx, alias, changed):
            jobs.append(request_release(tx, alias, actor=by.actor))
    return jobs


def _shows_it(tx: Transaction, alias: Alias, changed: Variable) -> bool:
    """Tell whether the script has, or is about to have, what was changed."""
    if alias.holder is not None:
        return True  # whoever is putting it up has read the variables already, perhaps
    if alias.deployment_id is None or alias.expired_at is not None:
        return False
    shown = tx.deployments.get(alias.deployment_id)
    return shown.bundle is not None and not (shown.is_from_fork and changed.is_secret)


def _kind(*, is_secret: bool) -> str:
    return "secret" if is_secret else "variable"
