from pathlib import Path

from control.policy_file import read_policy
from control.policy_pending import pending

FLIGHTS = Path(__file__).parents[3] / "policies" / "flight-delay.yaml"


def test_the_demonstrations_policy_relies_on_nothing_that_does_not_act() -> None:
    assert pending(read_policy(FLIGHTS.read_text(), "flight-delay.yaml")) == []


def test_what_does_not_act_yet_is_named() -> None:
    text = FLIGHTS.read_text() + "notify: [{to: teams:ml-ops, on: [rollback]}]\nworkspace: prod\n"
    named = pending(read_policy(text, "flight-delay.yaml"))
    assert named == ["notify"]
