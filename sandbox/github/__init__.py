"""A GitHub on loopback, made of real parts.

Git is served by ``git http-backend`` from bare repositories, the REST API speaks GitHub's field names,
status codes and errors, and webhooks are signed and sent as GitHub sends them. Addresses are those of a
GitHub Enterprise Server: the API below ``/api/v3``, GraphQL at ``/api/graphql``, pages and git at the root.

    a request ─▶ authentication ─▶ routes ─▶ database (SQLite) and git (bare repositories)
                                                │ refs.publish: what moved since the last look?
                                                ▼
                       events ─▶ outbox ─▶ deliveries (webhooks)  and  occasions (Actions)

It does not run workflows: that is ``sandbox.actions``, mounted here. It imports nothing of ``app``, so that
a mistake cannot hide on both sides. It is for one machine: no quotas, no abuse detection, no search.
"""
