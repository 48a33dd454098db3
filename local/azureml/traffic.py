"""What a split of an endpoint's traffic may be."""

from __future__ import annotations

from collections.abc import Collection, Mapping

MOST_MIRRORED = 50


class BadTraffic(ValueError):  # noqa: N818 - reads as what it is
    """The split cannot be set; the message says why."""


def check(traffic: Mapping[str, int], mirror: Mapping[str, int], deployments: Collection[str]) -> None:
    """Refuse what Azure ML refuses.

    Args:
        traffic: percent of the live requests by deployment.
        mirror: percent of the live requests that a deployment sees a copy of.
        deployments: those that exist.

    Raises:
        BadTraffic: an unknown deployment, a share outside 0 to 100, more than 100 % in all, or a mirror of
            more than half, to more than one deployment, or to one that has live traffic.
    """
    for what, split in (("traffic", traffic), ("mirrorTraffic", mirror)):
        for name, percent in split.items():
            if isinstance(percent, bool) or not isinstance(percent, int) or not 0 <= percent <= 100:
                raise BadTraffic(
                    f"{what}: {name} has {percent!r}, which is not a whole number from 0 to 100."
                )
            if name not in deployments:
                raise BadTraffic(
                    f"{what}: there is no deployment {name}; there are {', '.join(deployments) or 'none'}."
                )
    if sum(traffic.values()) > 100:
        raise BadTraffic(f"traffic: the shares add up to {sum(traffic.values())} %, over 100 %.")
    mirrored = [name for name, percent in mirror.items() if percent]
    if len(mirrored) > 1:
        raise BadTraffic(f"mirrorTraffic: only one deployment can have it, not {', '.join(mirrored)}.")
    for name in mirrored:
        if mirror[name] > MOST_MIRRORED:
            raise BadTraffic(f"mirrorTraffic: {mirror[name]} % is over {MOST_MIRRORED} %.")
        if traffic.get(name):
            raise BadTraffic(f"mirrorTraffic: {name} has live traffic and cannot be mirrored to.")
