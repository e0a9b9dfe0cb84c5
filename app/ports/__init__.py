"""What the pipeline needs from outside, as Protocols of at most six methods.

`Records` is our own memory; `Repositories`, `Contents`, `RepositorySettings`, `Runs`, `Publications`,
`Comments` are a code host; `Scripts` is where scripts live, `Bundles` keeps what they are made of, `Compiler`
makes a module of an author's functions and `Endpoints` is what answers at scripts' addresses, `Functions`
and `Streams` call what is there; `Steps` is what a durable job runs on. An adapter speaks for each in
`github/`, `cloudflare/`, `bundles/`, `functions/`, `dispatch/`, `database/` or `jobs/`, a fake in
`tests/fakes/`.

Every method may raise `RemoteUnavailable` (look again later) and `RemoteRefused` (a person has to act).
"Could not look" is an error, never an empty answer.
"""

from app.ports.builds import BuildJob, BuildLogs, BuildStep, Commit, Comparison, Comparisons
from app.ports.clock import Clock
from app.ports.code_host import (
    Comments,
    Contents,
    File,
    Publications,
    Repositories,
    RepositorySettings,
    Runs,
    WorkflowRun,
)
from app.ports.events import EventArchives, EventFeed, Events, News
from app.ports.files import (
    ArchiveFormat,
    CodeHost,
    Downloads,
    Entry,
    FileContent,
    Files,
    Listing,
    Proposal,
    Proposals,
    Trees,
)
from app.ports.forks import Artifact, Artifacts, Members, PullHeads, Recordings
from app.ports.histories import Heads, Histories, Merged, MergeOutcome, NewRepositories, Upstreams
from app.ports.invocations import Call, Functions, Invocation, Reply, Streams
from app.ports.limits import Ledgers, Pace
from app.ports.memory import Apps, Deliveries, Deployments, Jobs, Marks, Page, PullRequests
from app.ports.metrics import Metrics
from app.ports.reconcile import Drifts, Recorded, StandingScripts, Survey
from app.ports.records import Records, Transaction
from app.ports.redelivery import APP_HOOK, Hook, HookDeliveries, MissedDeliveries, SentPage
from app.ports.releases import Aliases, Approvals, Assets, OwnScripts, Tokens, Variables
from app.ports.scripts import Bundles, DeployAccess, Limits, ScriptPage, Scripts, SeenScript, Upload
from app.ports.sights import Asked, Head, SeenPull, SeenRun, Sight, Sights, Unseen, Webhook
from app.ports.vault import Vault
from app.ports.work import JobEngine, Steps
from app.ports.workers import (
    CallCounts,
    Compiled,
    Compiler,
    Endpoints,
    Problem,
    Slugs,
    Versions,
    Workers,
)

__all__ = [
    "APP_HOOK",
    "Aliases",
    "Approvals",
    "Apps",
    "ArchiveFormat",
    "Artifact",
    "Artifacts",
    "Asked",
    "Assets",
    "BuildJob",
    "BuildLogs",
    "BuildStep",
    "Bundles",
    "Call",
    "CallCounts",
    "Clock",
    "CodeHost",
    "Comments",
    "Commit",
    "Comparison",
    "Comparisons",
    "Compiled",
    "Compiler",
    "Contents",
    "Deliveries",
    "DeployAccess",
    "Deployments",
    "Downloads",
    "Drifts",
    "Endpoints",
    "Entry",
    "EventArchives",
    "EventFeed",
    "Events",
    "File",
    "FileContent",
    "Files",
    "Functions",
    "Head",
    "Heads",
    "Histories",
    "Hook",
    "HookDeliveries",
    "Invocation",
    "JobEngine",
    "Jobs",
    "Ledgers",
    "Limits",
    "Listing",
    "Marks",
    "Members",
    "MergeOutcome",
    "Merged",
    "Metrics",
    "MissedDeliveries",
    "NewRepositories",
    "News",
    "OwnScripts",
    "Pace",
    "Page",
    "Problem",
    "Proposal",
    "Proposals",
    "Publications",
    "PullHeads",
    "PullRequests",
    "Recorded",
    "Recordings",
    "Records",
    "Reply",
    "Repositories",
    "RepositorySettings",
    "Runs",
    "ScriptPage",
    "Scripts",
    "SeenPull",
    "SeenRun",
    "SeenScript",
    "SentPage",
    "Sight",
    "Sights",
    "Slugs",
    "StandingScripts",
    "Steps",
    "Streams",
    "Survey",
    "Tokens",
    "Transaction",
    "Trees",
    "Unseen",
    "Upload",
    "Upstreams",
    "Variables",
    "Vault",
    "Versions",
    "Webhook",
    "Workers",
    "WorkflowRun",
]
