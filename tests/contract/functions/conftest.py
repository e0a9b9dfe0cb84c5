"""A worker of functions on workerd, behind the dispatch worker: what the ports' fakes are held against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.sandbox_cloudflare.driver import Sandbox
from tests.integration.functions_runtime.driver import Worker, deploy

if TYPE_CHECKING:
    from collections.abc import Iterator

CODE = """
export async function hello(payload, { headers }) {
  console.log("line %d", 1);
  return { payload: payload ?? "none", key: headers.get("idempotency-key"), seen: [...headers.keys()] };
}
export const echo = (payload) => payload;
export function bad() { throw new TypeError("no"); }
export async function slow() { await scheduler.wait(9000); }
export const named = (_, { headers }) => headers.get("invocation-id");
export async function lines(count) {
  for (let n = 0; n < count; n++) {
    console.log(n);
    if (n % 50 === 49) await scheduler.wait(1);
  }
  return count;
}
let ended = "never called";
export async function waiting(_, { signal }) {
  console.log((ended = "waiting"));
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  ended = "aborted";
}
export const howItEnded = () => ended;
"""


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox(tmp_path_factory.mktemp("invoked"), "--rate-limit=100000", "--stall-seconds=30")
    running.start()
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="session")
def worker(sandbox: Sandbox) -> Worker:
    return deploy(sandbox, CODE, timeoutMs=4000)
