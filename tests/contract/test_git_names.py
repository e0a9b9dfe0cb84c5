"""What we believe of git is what git does."""

import subprocess

from hypothesis import given
from hypothesis import strategies as st

from app.domain.git import blob_name, check_ref
from app.errors import InvalidInput


@given(st.binary(max_size=300))
def test_a_blob_is_called_as_git_calls_it(content: bytes) -> None:
    command = ["git", "hash-object", "--stdin"]
    told = subprocess.run(command, input=content, capture_output=True, check=True, timeout=60)
    assert blob_name(content) == told.stdout.decode().strip()


@given(st.text(alphabet=st.characters(codec="utf-8", max_codepoint=0x2FF), min_size=1, max_size=12))
def test_whatever_passes_for_a_ref_git_takes_too(name: str) -> None:
    try:
        check_ref(name)
    except InvalidInput:
        return
    done = subprocess.run(["git", "check-ref-format", f"refs/heads/{name}"], check=False, timeout=60)
    assert done.returncode == 0
