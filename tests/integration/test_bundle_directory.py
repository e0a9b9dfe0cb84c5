"""The bundle store in a directory: what the disk sees, and what it does to us."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from app.bundles.directory import DirectoryBundles
from app.errors import RemoteRefused, RemoteUnavailable

ROOT = Path(__file__).parents[2]
WRITER = """
import sys
from pathlib import Path
from app.bundles.directory import DirectoryBundles

def chunks():
    yield b"x" * 1_000_000
    print("half", flush=True)
    sys.stdin.read()
    yield b"y"

print(DirectoryBundles(Path(sys.argv[1])).write(chunks())[0])
"""


def name_of(content: bytes) -> str:
    return sha256(content).hexdigest()


def files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file() and path.name != "lock"]


def age(path: Path, by: timedelta) -> None:
    then = (datetime.now(UTC) - by).timestamp()
    os.utime(path, (then, then))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "not" / "there" / "yet"


@pytest.fixture
def bundles(directory: Path) -> DirectoryBundles:
    return DirectoryBundles(directory)


@pytest.fixture
def writer(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a process that is in the middle of a write."""
    command = [sys.executable, "-c", WRITER, str(directory)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "half\n"
        yield process
        process.kill()


def test_looking_makes_no_directory(bundles: DirectoryBundles, directory: Path) -> None:
    assert not bundles.has(name_of(b"x"))
    assert not directory.exists()


def test_what_is_kept_is_for_its_owner_alone(bundles: DirectoryBundles, directory: Path) -> None:
    bundles.write([b"secret source"])
    (kept,) = files(directory)
    assert (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_process_that_dies_in_the_middle_leaves_no_name(
    bundles: DirectoryBundles, directory: Path, writer: subprocess.Popen[str]
) -> None:
    writer.send_signal(signal.SIGKILL)
    writer.wait(60)
    (draft,) = files(directory)
    assert draft.parent.name == "drafts"
    now = datetime.now(UTC)
    assert bundles.prune(lambda _: True, now - timedelta(hours=1)) == 0
    assert draft.exists()
    assert bundles.prune(lambda _: True, now + timedelta(hours=1)) == 0
    assert not draft.exists()


def test_two_processes_may_write_the_same_at_once(
    bundles: DirectoryBundles, directory: Path, writer: subprocess.Popen[str]
) -> None:
    name, _ = bundles.write([b"x" * 1_000_000, b"y"])
    assert writer.communicate("go on", timeout=60)[0] == f"{name}\n"
    assert [path.parent.name + path.name for path in files(directory)] == [name]


def test_what_is_written_again_is_young_again(bundles: DirectoryBundles, directory: Path) -> None:
    name, _ = bundles.write([b"hello"])
    (kept,) = files(directory)
    age(kept, timedelta(days=30))
    bundles.write([b"hello"])
    assert bundles.prune(lambda _: False, datetime.now(UTC) - timedelta(hours=1)) == 0
    assert bundles.has(name)


def test_what_is_written_again_while_it_is_judged_is_not_deleted(
    bundles: DirectoryBundles, directory: Path
) -> None:
    name, _ = bundles.write([b"hello"])
    age(files(directory)[0], timedelta(days=30))

    def judge(_: str) -> bool:
        bundles.write([b"hello"])
        return False

    assert bundles.prune(judge, datetime.now(UTC) - timedelta(hours=1)) == 0
    assert bundles.has(name)


def test_another_may_have_deleted_it_first(bundles: DirectoryBundles, directory: Path) -> None:
    bundles.write([b"hello"])

    def judge(_: str) -> bool:
        files(directory)[0].unlink()
        return False

    assert bundles.prune(judge, datetime.now(UTC) + timedelta(hours=1)) == 0


@pytest.mark.parametrize("damaged", [b"", b"hell", b"hellO", b"hello, world"])
def test_damage_is_noticed(bundles: DirectoryBundles, directory: Path, damaged: bytes) -> None:
    name, _ = bundles.write([b"hello"])
    files(directory)[0].write_bytes(damaged)
    with bundles.open(name) as kept, pytest.raises(RemoteRefused, match="it is damaged") as refused:
        kept.read()
    assert refused.value.error_code == "bundle:damaged"


def test_damage_is_mended_by_writing_again(bundles: DirectoryBundles, directory: Path) -> None:
    name, _ = bundles.write([b"hello"])
    files(directory)[0].write_bytes(b"hellO")
    bundles.write([b"hello"])
    with bundles.open(name) as kept:
        assert kept.read() == b"hello"


def test_a_disk_that_refuses_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    bundles = DirectoryBundles(tmp_path / "file")
    with pytest.raises(RemoteUnavailable, match=r"^beginning to write in the bundle store: Not a directory$"):
        bundles.write([b"hello"])
    with pytest.raises(
        RemoteUnavailable, match=r"^reading [0-9a-f]{64} in the bundle store: Not a directory$"
    ):
        bundles.open(name_of(b"hello"))


def test_a_full_disk_is_unavailable_and_leaves_nothing(bundles: DirectoryBundles, directory: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(RemoteUnavailable, match=r"^keeping .* in the bundle store: File too large$"):
            bundles.write([b"x" * 2000])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert files(directory) == []


def test_a_directory_does_not_cost_what_a_bucket_costs() -> None:
    program = (
        "import sys; from pathlib import Path; from app.bundles.places import bundles_in;"
        "bundles_in(Path('/x')); sys.exit('obstore' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=60, check=False).returncode == 0
