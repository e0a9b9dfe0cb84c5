"""`/api/apps/{app}/environments/{environment}`: variables are read and written, secrets only written."""

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint

from app.domain.rights import Act
from app.domain.variables import Variable
from app.pipeline.variables import Change, Editor, find, remove, set_secrets, set_variables
from app.web.context import context
from app.web.errors import API_ERRORS, ErrorOut
from app.web.forms import ValueIn, ValuesIn, VariablePath, VariablesPath, require_object
from app.web.guard import actor, needs
from app.web.variable_views import (
    ChangedView,
    ChangesView,
    SecretsView,
    SecretView,
    VariablesView,
    VariableView,
)

api = APIBlueprint(
    "variables",
    __name__,
    url_prefix="/api/apps",
    abp_security=[{"token": []}],
    abp_responses=API_ERRORS,
)
api.before_request(require_object)

_VARIABLES = "/<app>/environments/<environment>/variables"
_SECRETS = "/<app>/environments/<environment>/secrets"


@api.get(_VARIABLES, responses={"200": VariablesView})
@needs(Act.SEE)
def list_variables(path: VariablesPath) -> Response:
    """List the variables of an environment by name."""
    items = [VariableView.of(variable) for variable in _all(path, is_secret=False)]
    return jsonify(VariablesView(items=items).body())


@api.patch(_VARIABLES, responses={"200": ChangesView, "409": ErrorOut, "413": ErrorOut})
@needs(Act.SET_VARIABLES)
def patch_variables(path: VariablesPath, body: ValuesIn) -> Response:
    """Set several variables of an environment together; the others stay."""
    with context().records.begin() as tx:
        change = set_variables(tx, path.app, path.environment, body.values, _editor())
    return jsonify(ChangesView.of(change, path.environment, context().platform).body())


@api.get(f"{_VARIABLES}/<name>", responses={"200": VariableView})
@needs(Act.SEE)
def show_variable(path: VariablePath) -> Response:
    """Show a variable."""
    return jsonify(VariableView.of(_one(path, is_secret=False)).body())


@api.put(
    f"{_VARIABLES}/<name>",
    responses={"200": ChangedView, "201": ChangedView, "409": ErrorOut, "413": ErrorOut},
)
@needs(Act.SET_VARIABLES)
def put_variable(path: VariablePath, body: ValueIn) -> tuple[Response, int]:
    """Set a variable; what is live gets it without a build."""
    with context().records.begin() as tx:
        change = set_variables(tx, path.app, path.environment, {path.name: body.value}, _editor())
    return _changed(change)


@api.delete(f"{_VARIABLES}/<name>", responses={"200": ChangedView, "409": ErrorOut})
@needs(Act.SET_VARIABLES)
def delete_variable(path: VariablePath) -> tuple[Response, int]:
    """Remove a variable."""
    with context().records.begin() as tx:
        change = remove(tx, path.app, path.environment, path.name, _editor(), is_secret=False)
    return _changed(change)


@api.get(_SECRETS, responses={"200": SecretsView})
@needs(Act.SEE)
def list_secrets(path: VariablesPath) -> Response:
    """List the secrets of an environment by name, without their values."""
    items = [SecretView.of(secret) for secret in _all(path, is_secret=True)]
    return jsonify(SecretsView(items=items).body())


@api.patch(_SECRETS, responses={"200": ChangesView, "409": ErrorOut, "413": ErrorOut})
@needs(Act.SET_SECRETS)
def patch_secrets(path: VariablesPath, body: ValuesIn) -> Response:
    """Set several secrets of an environment together; the others stay."""
    with context().records.begin() as tx:
        change = set_secrets(tx, path.app, path.environment, body.values, _editor())
    return jsonify(ChangesView.of(change, path.environment, context().platform).body())


@api.get(f"{_SECRETS}/<name>", responses={"200": SecretView})
@needs(Act.SEE)
def show_secret(path: VariablePath) -> Response:
    """Show that a secret is there."""
    return jsonify(SecretView.of(_one(path, is_secret=True)).body())


@api.put(
    f"{_SECRETS}/<name>",
    responses={"200": ChangedView, "201": ChangedView, "409": ErrorOut, "413": ErrorOut},
)
@needs(Act.SET_SECRETS)
def put_secret(path: VariablePath, body: ValueIn) -> tuple[Response, int]:
    """Set a secret; it is never shown again."""
    with context().records.begin() as tx:
        change = set_secrets(tx, path.app, path.environment, {path.name: body.value}, _editor())
    return _changed(change)


@api.delete(f"{_SECRETS}/<name>", responses={"200": ChangedView, "409": ErrorOut})
@needs(Act.SET_SECRETS)
def delete_secret(path: VariablePath) -> tuple[Response, int]:
    """Remove a secret."""
    with context().records.begin() as tx:
        change = remove(tx, path.app, path.environment, path.name, _editor(), is_secret=True)
    return _changed(change)


def _editor() -> Editor:
    given = context()
    return Editor(actor=actor(), at=given.clock(), vault=given.vault, platform=given.platform)


def _all(path: VariablesPath, *, is_secret: bool) -> list[Variable]:
    with context().records.read() as tx:
        found = tx.variables.of(tx.apps.get(path.app).id, path.environment)
    return [variable for variable in found if variable.is_secret is is_secret]


def _one(path: VariablePath, *, is_secret: bool) -> Variable:
    with context().records.read() as tx:
        return find(tx, tx.apps.get(path.app), path.environment, path.name, is_secret=is_secret)


def _changed(change: Change) -> tuple[Response, int]:
    view = ChangedView.of(change, context().platform)
    return jsonify(view.body()), 201 if change.is_new else 200
