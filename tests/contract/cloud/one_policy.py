"""The policies of an app that was deployed with one."""

from __future__ import annotations

from dataclasses import dataclass

from control.policy import Policy


@dataclass(frozen=True)
class OnePolicy:
    """As `control.ports.Policies`."""

    policy: Policy

    def names(self) -> list[str]:
        return [self.policy.name]

    def get(self, model: str) -> Policy | None:
        return self.policy if model == self.policy.name else None

    def all(self) -> list[Policy]:
        return [self.policy]
