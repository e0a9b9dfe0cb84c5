"""A workflow file as act takes it: with what its jobs get of us, without what act's schema does not know.

The file is changed as a tree of YAML nodes, so every scalar keeps the text that it was written with. A file
with nothing to change is handed on as it is. Pure.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_UNKNOWN_TO_ACT = "deployment"
_NO_FOLDING = 2**31 - 1
_MAPPING, _TEXT = "tag:yaml.org,2002:map", "tag:yaml.org,2002:str"
Variables = dict[str, str]


def adapted(text: str, variables: Mapping[str, Variables]) -> str:
    """Return a valid workflow's text with more variables in the `env` of some jobs.

    `variables` are by job. Jobs that share a node by an alias do not share what is added.
    """
    root = yaml.compose(text, Loader=yaml.CSafeLoader)
    changed = _replaced(root, "jobs", partial(_jobs, variables=variables)) if root else root
    if changed is root:
        return text
    return yaml.serialize(changed, Dumper=yaml.CSafeDumper, width=_NO_FOLDING, allow_unicode=True)


def _jobs(jobs: yaml.Node, variables: Mapping[str, Variables]) -> yaml.Node:
    for key in _keys(jobs):
        jobs = _replaced(jobs, key, partial(_job, variables=variables.get(key, {})))
    return jobs


def _job(job: yaml.Node, variables: Variables) -> yaml.Node:
    job = _replaced(job, "environment", partial(_without, key=_UNKNOWN_TO_ACT))
    if not variables:
        return job
    if "env" not in _keys(job):
        job = _extended(job, "env", yaml.MappingNode(_MAPPING, []))
    return _replaced(job, "env", partial(_with_variables, variables=variables))


def _with_variables(env: yaml.Node, variables: Variables) -> yaml.Node:
    for name, value in variables.items():
        env = _extended(env, name, yaml.ScalarNode(_TEXT, value, style='"'))
    return env


def _keys(node: yaml.Node) -> list[str]:
    return [key.value for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []


def _replaced(node: yaml.Node, key: str, change: Callable[[yaml.Node], yaml.Node]) -> yaml.Node:
    """Return the mapping with one value changed; the very same mapping when nothing changed."""
    if not isinstance(node, yaml.MappingNode):
        return node
    pairs = [(name, change(value) if name.value == key else value) for name, value in node.value]
    is_same = all(new is old for (_, new), (_, old) in zip(pairs, node.value, strict=True))
    return node if is_same else _like(node, pairs)


def _extended(node: yaml.Node, key: str, value: yaml.Node) -> yaml.Node:
    """Return the mapping with this value under `key`; what is no mapping stays as it is."""
    if not isinstance(node, yaml.MappingNode):
        return node
    others = [pair for pair in node.value if pair[0].value != key]
    return _like(node, [*others, (yaml.ScalarNode(_TEXT, key), value)])


def _without(node: yaml.Node, key: str) -> yaml.Node:
    """Return the mapping without `key`; the very same node when it is not there."""
    if not isinstance(node, yaml.MappingNode) or key not in _keys(node):
        return node
    return _like(node, [pair for pair in node.value if pair[0].value != key])


def _like(node: yaml.MappingNode, pairs: list[tuple[yaml.Node, yaml.Node]]) -> yaml.MappingNode:
    return yaml.MappingNode(_MAPPING, pairs, flow_style=node.flow_style)
