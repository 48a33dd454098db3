"""Keys of a policy that are checked and kept, but that nothing acts on yet: nobody should rely on them."""

from __future__ import annotations

from control.policy import Policy


def pending(policy: Policy) -> list[str]:
    """The policy's keys that nothing acts on yet, as they are written in the file."""
    signals = {"inputs": policy.inputs, "predictions": policy.predictions, "labels": policy.labels}
    given = {
        "trigger: feedback": "feedback" in policy.retrain_on,
        **{f"monitoring_signals.{name}": signals[name] for name in ("predictions", "labels")},
        "notify": policy.notify,
        "privacy": policy.privacy,
    }
    return [name for name, value in given.items() if value]
