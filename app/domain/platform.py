"""The platform that apps live on: its namespaces, its addresses and where its control plane answers."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.addresses import Addresses
from app.domain.environments import Environment


@dataclass(frozen=True, slots=True)
class Platform:
    """What an operator set once for all apps.

    `owner` is where repositories are made, `template` the full name of the one they start as.
    """

    url: str
    owner: str
    template: str
    namespaces: Mapping[Environment, str]
    addresses: Addresses
