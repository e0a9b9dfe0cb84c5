"""The image and compose.yaml say only what is there: files, commands, settings, routes; nothing runs as root.

No engine that builds images is needed: both are read. tests/integration/test_image.py runs what they make.
"""

import json
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
import yaml

from app.cli import branchline
from app.settings import REMEDIES

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service["image"].startswith("branchline:")]


def instructions(word: str) -> list[str]:
    return re.findall(rf"^{word} +(.+?) *$", DOCKERFILE, re.MULTILINE)


def parse(arguments: list[str]) -> click.Context:
    """Read a command line as `branchline` does; what it does not know is an error."""
    command: click.Command | None = branchline
    rest = list(arguments)
    while isinstance(command, click.Group):
        command = command.get_command(click.Context(command), rest.pop(0))
    assert command is not None, arguments
    return command.make_context(" ".join(arguments), rest)


# -------------------- compose.yaml


def test_it_is_what_the_compose_specification_calls_valid() -> None:
    schema = json.loads((ROOT / "tests/payloads/compose.schema.json").read_text())
    jsonschema.Draft7Validator(schema).validate(COMPOSE)


def test_the_schema_finds_what_is_none() -> None:
    schema = json.loads((ROOT / "tests/payloads/compose.schema.json").read_text())
    wrong = {"services": {"web": {"image": "branchline", "replicas": 2}}}
    assert not jsonschema.Draft7Validator(schema).is_valid(wrong)


@pytest.mark.parametrize("name", OURS)
def test_its_commands_are_commands(name: str) -> None:
    parse(SERVICES[name]["command"])


def test_each_part_is_there_once() -> None:
    commands = {name: SERVICES[name]["command"][0] for name in OURS}
    assert commands == {"web": "serve", "jobs": "jobs", "migrate": "db"}
    assert "--no-jobs" in SERVICES["web"]["command"]


@pytest.mark.parametrize("name", OURS)
def test_what_it_sets_are_settings(name: str) -> None:
    assert set(SERVICES[name]["environment"]) <= set(REMEDIES)
    assert SERVICES[name]["env_file"] == [".env"]


def test_no_secret_is_in_it() -> None:
    asked_for = "${POSTGRES_PASSWORD:?set it in .env}"
    assert SERVICES["database"]["environment"]["POSTGRES_PASSWORD"] == asked_for
    for name in OURS:
        address = SERVICES[name]["environment"]["DATABASE_URL"]
        assert address == f"postgresql+psycopg://branchline:{asked_for}@database:5432/branchline"


@pytest.mark.parametrize("name", list(SERVICES))
def test_nothing_runs_with_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    user, group = map(int, service["user"].split(":"))
    assert min(user, group) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


@pytest.mark.parametrize("name", ["web", "jobs", "database"])
def test_what_runs_on_is_watched_and_has_time_to_end(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["restart"] == "unless-stopped"
    assert int(service["stop_grace_period"].removesuffix("s")) >= 30


def test_web_and_jobs_wait_for_the_schema() -> None:
    for name in ("web", "jobs"):
        awaited = {other: how["condition"] for other, how in SERVICES[name]["depends_on"].items()}
        assert awaited == {"migrate": "service_completed_successfully", "database": "service_healthy"}
        assert "bundles:/var/lib/branchline/bundles" in SERVICES[name]["volumes"]
        assert SERVICES[name]["environment"]["BRANCHLINE_BUNDLES"] == "/var/lib/branchline/bundles"


def test_any_number_of_each_can_run() -> None:
    for service in SERVICES.values():
        assert "container_name" not in service
    [ports] = SERVICES["web"]["ports"]
    first, last = re.findall(r"\d+", ports.split(":")[1])
    assert int(last) > int(first)


def test_the_probes_ask_what_is_answered() -> None:
    probe = " ".join(SERVICES["web"]["healthcheck"]["test"])
    [(port, path)] = re.findall(r"http://127\.0\.0\.1:(\d+)(/\w+)", probe)
    assert parse(SERVICES["web"]["command"]).params["port"] == int(port) == int(instructions("EXPOSE")[0])
    assert f'"{path}"' in (ROOT / "app/web/health.py").read_text()
    program, *arguments = SERVICES["jobs"]["healthcheck"]["test"][1:]
    assert program == "branchline"
    assert parse(arguments).params == {"check": True}


# -------------------- Dockerfile


def test_what_it_copies_is_there_and_reaches_the_builder() -> None:
    copied = [name for line in instructions("COPY") for name in line.split()[:-1] if "--" not in line]
    assert len(copied) > 5
    sent = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for name in copied:
        assert (ROOT / name).exists(), name
        assert any(fnmatch(it, f"{name}*") for it in sent), f"{name} is kept from the builder"


def test_everything_that_the_code_looks_for_beside_itself_is_copied() -> None:
    looked_for = set[str]()
    for path in (ROOT / "app").rglob("*.py"):
        looked_for |= set(re.findall(r'parents\[2\] / "(\w+)"', path.read_text()))
    assert looked_for
    copied = {name for line in instructions("COPY") for name in line.split()[:-1]}
    assert looked_for | {"app", "migrations"} <= copied


def test_its_images_have_exact_versions() -> None:
    images = [it.partition("=")[2] for it in instructions("ARG")] + [SERVICES["database"]["image"]]
    assert len(images) == 3
    for image in images:
        assert re.fullmatch(r"\w+:\d+\.\d+(\.\d+)?-[a-z-]+", image), image


def test_its_packages_are_those_of_the_lock_files() -> None:
    assert "--require-hashes -r requirements/base.txt -r requirements/build.txt" in DOCKERFILE
    installs = re.findall(r"pip install (.*?)(?: &&|$)", DOCKERFILE, re.MULTILINE)
    assert all("--require-hashes" in it or ("--no-index" in it and "--no-deps" in it) for it in installs)
    build = (ROOT / "requirements/build.txt").read_text()
    assert "setuptools==" in build
    assert "--hash=sha256:" in build


def test_it_runs_as_the_user_that_compose_names() -> None:
    [user] = instructions("USER")
    assert user == SERVICES["web"]["user"] == SERVICES["jobs"]["user"] == SERVICES["migrate"]["user"]
    assert f"--owner={user.split(':')[0]}" in DOCKERFILE


def test_its_command_is_one() -> None:
    assert json.loads(instructions("ENTRYPOINT")[0]) == ["branchline"]
    parse(json.loads(instructions("CMD")[0]))
