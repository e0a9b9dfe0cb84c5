import pytest

from app.errors import RemoteMissing
from app.ports import BuildJob, File
from tests.contract.code_host.hosts import ORG, UNKNOWN, CodeHost, commit, eventually, head


def log_of(host: CodeHost, name: str, job: BuildJob) -> str:
    with host.build_logs.log(name, job.id) as chunks:
        return b"".join(chunks).decode()


def test_a_run_that_is_over_tells_its_jobs_steps_and_what_they_wrote(host: CodeHost, shop: str) -> None:
    run_id = host.build(shop, "hello <script>")
    (job,) = host.build_logs.jobs(shop, run_id, 1)
    assert (job.name, job.conclusion, job.is_over) == ("deploy", "success", True)
    assert job.url.endswith(f"/{shop}/actions/runs/{run_id}/job/{job.id}")
    assert job.started_at
    assert job.finished_at
    assert job.steps[0].name == "Set up job"
    assert {step.conclusion for step in job.steps} == {"success"}
    lines = log_of(host, shop, job).splitlines()
    time, _, text = next(line for line in lines if line.endswith("hello <script>")).partition(" ")
    assert time.endswith("Z")
    assert text == "hello <script>"


def test_nobody_can_read_the_log_of_a_job_that_goes_on(host: CodeHost, shop: str) -> None:
    run_id = host.begin(shop)
    job = eventually(lambda: next(iter(host.build_logs.jobs(shop, run_id, 1)), None))
    assert not job.is_over
    with pytest.raises(RemoteMissing), host.build_logs.log(shop, job.id):
        pass
    host.runs.cancel(shop, run_id)


def test_a_log_is_not_kept_for_ever(host: CodeHost, shop: str) -> None:
    run_id = host.build(shop, "hello")
    (job,) = host.build_logs.jobs(shop, run_id, 1)
    host.lose_logs(shop, run_id)
    with pytest.raises(RemoteMissing), host.build_logs.log(shop, job.id):
        pass


def test_there_are_no_jobs_of_what_never_was(host: CodeHost, shop: str) -> None:
    run_id = host.build(shop, "hello")
    for name, run, attempt in ((shop, 999_999, 1), (shop, run_id, 2), (f"{ORG}/nothing", run_id, 1)):
        with pytest.raises(RemoteMissing):
            host.build_logs.jobs(name, run, attempt)


def test_a_comparison_has_what_is_new_newest_first(host: CodeHost, shop: str) -> None:
    base = head(host, shop)
    first = commit(host, shop, File("a.txt", b"a"), message="Add a")
    second = commit(host, shop, File("b.txt", b"b"), message="Add b\n\nAnd why")
    found = host.comparisons.between(shop, base, second)
    assert [(it.sha, it.message) for it in found.commits] == [(second, "Add b\n\nAnd why"), (first, "Add a")]
    assert (found.total, found.missing, found.files) == (2, 0, 2)
    assert found.url.endswith(f"/{shop}/compare/{base}...{second}")
    assert found.commits[0].url.endswith(f"/{shop}/commit/{second}")
    assert found.commits[0].author


def test_a_comparison_backwards_counts_what_is_missing(host: CodeHost, shop: str) -> None:
    base = head(host, shop)
    newer = commit(host, shop, File("a.txt", b"a"))
    found = host.comparisons.between(shop, newer, base)
    assert (list(found.commits), found.total, found.missing) == ([], 0, 1)


def test_nothing_is_compared_with_what_is_not_there(host: CodeHost, shop: str) -> None:
    with pytest.raises(RemoteMissing):
        host.comparisons.between(shop, head(host, shop), UNKNOWN)
