"""What is given with a worker: its options and its key, and the files of which it is made."""

import pytest

from app.domain.environments import Environment
from app.domain.sources import Source
from app.domain.workers import Options
from app.errors import InvalidInput, TooLarge
from app.pipeline.workers_deploy import create_worker, update_worker
from app.pipeline.workers_sources import MAXIMUM_BYTES, MAXIMUM_FILES, read_sources
from tests.unit.pipeline.workshop import HELLO, PRODUCTION, FakeWorkshop


@pytest.fixture
def shop() -> FakeWorkshop:
    return FakeWorkshop()


# -------------------- versions, keys, options


def test_only_the_last_versions_keep_an_address_of_their_own(shop: FakeWorkshop) -> None:
    first = shop.create()
    second = shop.update()
    shop.update()
    assert not shop.records.queue
    shop.update()
    shop.run_jobs()
    assert first.version.own_script not in shop.up
    assert second.version.own_script in shop.up
    assert len(shop.up) == 4
    assert [version.has_own_address for version in shop.versions] == [True, True, True, False]
    assert read_sources(first.version.source, shop.bundles)


def test_an_invoke_key_is_told_once_and_stays(shop: FakeWorkshop) -> None:
    made = shop.create(options=Options(has_invoke_key=True))
    assert made.key is not None
    assert shop.endpoints.asked == [(made.version.own_script, made.key)]
    again = shop.update()
    assert again.key is None
    assert again.version.options.has_invoke_key
    for script in shop.up:
        bindings = shop.scripts.uploads[PRODUCTION, script].bindings
        assert [it["text"] for it in bindings if it["type"] == "secret_text"] == [made.key]
    with shop.records.read() as tx:
        (kept,) = tx.variables.of(made.worker.id, made.worker.environment)
        assert made.key not in kept.value


def test_a_key_that_is_given_up_is_forgotten_and_a_new_one_is_another(shop: FakeWorkshop) -> None:
    made = shop.create(options=Options(has_invoke_key=True))
    shop.update(options=Options())
    with shop.records.read() as tx:
        assert not tx.variables.of(made.worker.id, made.worker.environment)
    again = shop.update(options=Options(has_invoke_key=True))
    assert again.key not in {None, made.key}


def test_options_stay_until_others_are_given(shop: FakeWorkshop) -> None:
    options = Options(("https://a.example",), 5000)
    shop.create(options=options)
    assert shop.update().version.options == options
    assert shop.update(options=Options()).version.options == Options()


def test_impossible_options_are_refused_before_anything_is_done(shop: FakeWorkshop) -> None:
    with pytest.raises(InvalidInput):
        shop.create(options=Options(timeout_ms=0))
    assert not shop.compiler.faults.calls


# -------------------- files


@pytest.mark.parametrize(
    "path",
    [
        "../a.ts",
        "/a.ts",
        "a//b.ts",
        "./a.ts",
        "a/../b.ts",
        "C:\\a.ts",
        "-a.ts/..",
        "a\n.ts",
        "a*.ts",
        "out=a.ts",
        "node_modules/a/index.js",
        "lib/Node_Modules/a.js",
        "package.json",
        "lib/tsconfig.json",
        ".env",
        "a.py",
        "a",
        "a.ts/",
        "a" * 250 + ".ts",
        "",
        "\ud800.ts",
    ],
)
def test_paths_that_mean_something_else_are_refused(shop: FakeWorkshop, path: str) -> None:
    files = [Source("index.ts", HELLO), Source(path, "")]
    with pytest.raises(InvalidInput) as refused:
        create_worker("shop", files, Environment.PRODUCTION, Options(), actor="ada", to=shop.to)
    assert refused.value.error_code == "worker:invalid-files"


@pytest.mark.parametrize(
    "paths", [["a.ts", "a.ts"], ["a.ts", "A.ts"], ["lib.ts", "lib.ts/a.ts"], ["lib.ts/a.ts", "LIB.ts"]]
)
def test_two_files_do_not_share_a_place(shop: FakeWorkshop, paths: list[str]) -> None:
    files = [Source(path, HELLO) for path in paths]
    with pytest.raises(InvalidInput):
        create_worker("shop", files, Environment.PRODUCTION, Options(), actor="ada", to=shop.to)


def test_there_are_bounds_for_files(shop: FakeWorkshop) -> None:
    shop.create()
    many = [Source(f"f{number}.ts", "") for number in range(MAXIMUM_FILES + 1)]
    large = [Source("index.ts", "ü" * (MAXIMUM_BYTES // 2 + 1))]
    for files in (many, large):
        with pytest.raises(TooLarge) as refused:
            update_worker("shop", files, lambda it: it, actor="ada", to=shop.to)
        assert refused.value.error_code == "worker:too-large"
