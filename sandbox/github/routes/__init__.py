"""The endpoints, one module per subject, each named as GitHub's reference names it."""

from sandbox.github.routes import (
    apps,
    archives,
    branches,
    comments,
    commits,
    contents,
    deliveries,
    deployments,
    environments,
    forks,
    git_objects,
    git_refs,
    hooks,
    meta,
    permissions,
    pulls,
    repositories,
    secrets,
    statuses,
    upstreams,
    users,
    variables,
)

BLUEPRINTS = tuple(
    module.routes
    for module in (
        apps,
        archives,
        branches,
        comments,
        commits,
        contents,
        deliveries,
        deployments,
        environments,
        forks,
        git_objects,
        git_refs,
        hooks,
        meta,
        permissions,
        pulls,
        repositories,
        secrets,
        statuses,
        upstreams,
        users,
        variables,
    )
)
