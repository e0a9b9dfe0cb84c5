"""Artifacts: what a run leaves behind for others to download, one zip for each.

    a step ─▶ service: create, upload, finalize ─▶ store ─▶ routes: the REST API ─▶ a signed address

Whoever runs may upload, pull requests from forks too: an artifact says nothing about who may trust it. Caches
and merging artifacts are not there.
https://docs.github.com/en/actions/concepts/workflows-and-actions/workflow-artifacts
"""
