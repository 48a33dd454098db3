"""Policy files that are wrong, dropped into a running app: it says where and what to write, and goes on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import flow_rain
import flow_steady
import pytest
import yaml
from flow_loop import ROOT, Loop

BESIDE = "z-beside"
MENDED = "waiting for data: 1 of 9 good batches"


def _text(name: str) -> str:
    """A policy that is right; nine batches are wanted, so that no job runs here."""
    return str(yaml.safe_dump(flow_steady.policy(name, retrain={"data": {"train": 9}}), sort_keys=False))


def _replaced(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert text.count(old) == 1
        return text.replace(old, new)

    return change


WRONG = {
    # name of the model: how its policy becomes wrong, the word it points at, and what it is told
    "wrong-key": (
        _replaced("  backoff: PT1S", "  back_off: PT1S"),
        "back_off",
        "retrain.back_off: ",
        "backoff",
    ),
    "wrong-type": (
        _replaced("min_rows: 500", "min_rows: many"),
        "many",
        "monitoring_signals.quality.min_rows: ",
        "whole number",
    ),
    "wrong-duration": (_replaced("  bake: PT1S", "  bake: 5 minutes"), "5 minutes", "release.bake: ", "PT"),
}


def _check(file: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "policy", "check", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not done.stderr
    return done.returncode, done.stdout


@dataclass(frozen=True)
class Drop:
    """Files in the running app's folder, and what `homeostat policy check` said of each."""

    folder: Path
    said: dict[str, tuple[int, str]]

    def file(self, name: str) -> Path:
        """The policy's file."""
        return self.folder / f"{name}.yaml"


@pytest.fixture(scope="module")
def dropped(loop: Loop) -> Iterator[Drop]:
    """Wrong policies and a right one, a batch for each, and the timer has come by."""
    texts = {name: change(_text(name)) for name, (change, *_) in WRONG.items()}
    texts["other-name"] = _text("right-name")
    texts["no-policy"] = "name: no-policy\ndata: [unclosed\n"
    texts["a-lost"] = _text("a-lost").replace("datastores/landing/", "datastores/nowhere/")
    drop = Drop(loop.folder / "app" / "policies", {})
    try:
        for name, text in texts.items():
            drop.file(name).write_text(text)
            drop.said[name] = _check(drop.file(name))
        drop.file(BESIDE).write_text(_text(BESIDE))
        for name in (*WRONG, "right-name", BESIDE):
            loop.land(f"{name}/2013-01/", flow_rain.month(1))
        loop.until("the right one goes on", lambda: loop.audit(BESIDE, "no retraining"), patience=60)
        for name in texts:
            ended = f"reconcile of {name} ended, the next one looks again: "
            loop.until(f"the timer saw {name}", lambda ended=ended: ended in loop.log, patience=60)
        yield drop
    finally:
        for name in (*texts, "right-name", BESIDE):
            drop.file(name).unlink(missing_ok=True)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_policy_is_told_where_and_what_to_write(loop: Loop, dropped: Drop, name: str) -> None:
    change, word, path, advice = WRONG[name]
    text = change(_text(name))
    place = text.index(word)
    line = text[:place].count("\n") + 1
    column = place - text.rfind("\n", 0, place)
    code, said = dropped.said[name]
    assert code == 1
    assert f"{dropped.file(name)}:{line}:{column}: {path}" in said
    assert advice in said
    lines = said.splitlines()
    shown = next(at for at, shown in enumerate(lines) if shown.startswith(f"{line:>5} | "))
    assert lines[shown + 1].index("^") == lines[shown].index(word)
    assert f"a policy is left out: policies/{name}.yaml:{line}:{column}: {path}" in loop.log


def test_a_policy_in_a_file_of_another_name(loop: Loop, dropped: Drop) -> None:
    code, said = dropped.said["other-name"]
    assert code == 1
    assert f"{dropped.file('other-name')}:1:7: name: " in said
    assert "call the file right-name.yaml" in said
    told = "policies/other-name.yaml: is the policy of right-name: rename it to right-name.yaml"
    assert told in loop.log
    assert not loop.services.ledger.batches("other-name")


def test_text_that_is_not_yaml(loop: Loop, dropped: Drop) -> None:
    code, said = dropped.said["no-policy"]
    assert code == 1
    assert f"{dropped.file('no-policy')}:3:1: is not YAML" in said
    assert "policies/no-policy.yaml:3:1: is not YAML" in loop.log


def test_a_datastore_that_is_not_there(loop: Loop, dropped: Drop) -> None:
    assert dropped.said["a-lost"] == (0, f"{dropped.file('a-lost')}: right\n")
    said = [line for line in loop.log.splitlines() if "policies/a-lost.yaml: data.path: " in line]
    assert "reading datastore nowhere" in said[0]


def test_mended_it_is_managed_and_what_arrived_meanwhile_is_taken(loop: Loop, dropped: Drop) -> None:
    names = [*WRONG, "right-name"]
    for name in names:
        assert not loop.services.ledger.batches(name)
    assert not [each for each in flow_steady.poisoned(loop) if any(name.encode() in each for name in names)]
    for name in names:
        dropped.file(name).write_text(_text(name))
    assert _check(dropped.file(names[0])) == (0, f"{dropped.file(names[0])}: right\n")
    for name in names:
        answered = loop.until(
            f"{name} is managed", lambda name=name: loop.audit(name, "no retraining"), patience=60
        )
        assert answered[0]["detail"]["reason"] == MENDED
        assert [batch.path for batch in loop.services.ledger.batches(name)] == ["2013-01/"]
