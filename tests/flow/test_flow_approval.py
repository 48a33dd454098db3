"""A release that waits for people: asked, refused to the wrong ones, asked again, and approved."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import replace
from typing import Any

import flow_rain
import flow_steady
from azure.purview.datamap import DataMapClient
from flow_loop import ROOT, Loop, write_policy

from cloud.credentials import LocalToken, allow_loopback_http
from control.state import Question
from local.azureml.names import RESOURCE_GROUP, SUBSCRIPTION, WORKSPACE

NAME = "asked"
JANE = ("--as", "jane@contoso.com", "--group", "ml-owners")


def _policy(expires: str) -> dict[str, Any]:
    return flow_steady.policy(
        NAME,
        gates={"thresholds": [{"metric": "roc_auc", "at_least": 0.5}]},
        approval={"required": True, "approvers": ["group:ml-owners"], "expires": expires},
    )


def _homeostat(loop: Loop, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments, "--state", str(loop.folder / "state")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def _question(loop: Loop) -> Question | None:
    """The question that people were told of."""
    candidate = loop.intent(NAME).releasing.candidate
    question = candidate.question if candidate else None
    return question if question and question.told else None


def _open(link: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(link, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as err:
        return err.code, err.read().decode()


def _first(loop: Loop) -> None:
    write_policy(loop.folder / "app", NAME, _policy("PT30M"))
    loop.land(f"{NAME}/2013-01/", flow_rain.month(1))
    loop.until("people are asked", lambda: _question(loop), patience=150)


def _report(loop: Loop, link: str) -> None:
    """The test report that the model's tag names opens from the page, in a sandbox."""
    path = f"homeostat/{NAME}/rt-1/report/report.html"
    with loop.blobs() as client:
        client.get_container_client("azureml").upload_blob(path, b"<h1>How it did</h1>")
    intent, etag = loop.services.ledger.load(NAME)
    assert intent.releasing.candidate
    address = f"azureml://datastores/workspaceblobstore/paths/{path}"
    tagged = replace(intent.releasing.candidate, report=address)
    loop.services.ledger.commit(
        replace(intent, releasing=replace(intent.releasing, candidate=tagged)), etag, ()
    )
    _, page = _open(link)
    (found,) = re.findall(r'href="(/api/approval[^"]*report=page)"', page)
    with urllib.request.urlopen(loop.addresses["functions"] + html.unescape(found), timeout=60) as answer:
        assert answer.read() == b"<h1>How it did</h1>"
        assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")


def _lineage(loop: Loop) -> None:
    """Purview shows the deployment's way back to the data, and who approved; the command says the same."""
    (promoted,) = loop.audit(NAME, "promoted")
    loop.until("its lineage is exported", lambda: loop.intent(NAME).lineage.last >= promoted["number"])
    address = loop.addresses["purview"]
    with DataMapClient(address, LocalToken(), per_call_policies=[allow_loopback_http()]) as client:
        name = f"homeostat://{SUBSCRIPTION}/{RESOURCE_GROUP}/{WORKSPACE}/{NAME}"
        release = client.entity.get_by_unique_attribute(
            "homeostat_release", attribute=f"{name}/releases/g001"
        )
        found = client.lineage.get(release["entity"]["guid"], direction="INPUT", depth=5)
    kinds = {
        one["guid"]: one["typeName"].removeprefix("homeostat_") for one in found["guidEntityMap"].values()
    }
    assert {(kinds[one["fromEntityId"]], kinds[one["toEntityId"]]) for one in found["relations"]} == {
        ("data_version", "job"), ("job", "model_version"), ("model_version", "release"),
    }  # fmt: skip
    (answered,) = loop.audit(NAME, "approval answered")
    attributes = release["entity"]["attributes"]
    assert attributes["approverId"] == answered["detail"]["id"]
    assert attributes["evidenceDigest"] == answered["detail"]["evidence"]
    assert (attributes["approvedBy"], attributes["status"]) == ("person", "promoted")
    assert "jane" not in json.dumps(attributes)
    code, told = _homeostat(loop, "lineage", NAME)
    assert code == 0
    assert "to release g001 (status promoted, approvedBy person)" in told
    assert "Purview has all of it" in told or "the rest follows" in told
    assert _homeostat(loop, "lineage", NAME, "--export-again")[0] == 0
    loop.until(
        "all of it is exported again", lambda: loop.intent(NAME).lineage.last == loop.intent(NAME).audit_count
    )
    assert _homeostat(loop, "lineage", "nobody", "--export-again")[0] == 1


def test_a_release_waits_for_the_right_person(loop: Loop) -> None:
    _first(loop)
    assert loop.intent(NAME).releasing.phase == "proposed"
    code, link = _homeostat(loop, "approve", NAME, "--link")
    assert code == 0
    link = link.strip()
    assert link in loop.log, "on local Azure the log says where"
    status, page = _open(link)
    assert (status, f"Release version 1 of {NAME}?" in page, "roc_auc is" in page) == (200, True, True)
    _report(loop, link)
    for wrong, said in (
        ((), "none of the approvers"),
        (("--as", "joe", "--group", "others"), "none of the approvers"),
    ):
        code, told = _homeostat(loop, "approve", NAME, *wrong)
        assert (code, said in told) == (1, True), told
    # The policy changes: what was asked is not what would be done.
    write_policy(loop.folder / "app", NAME, _policy("PT40M"))
    before = _question(loop)
    again = loop.until(
        "people are asked again", lambda: (new := _question(loop)) != before and new, patience=60
    )
    assert again.number == 2
    status, page = _open(link)
    assert (status, "asked about again" in page) == (409, True)
    code, told = _homeostat(loop, "approve", NAME, "--version", "7", *JANE)
    assert (code, "Version 1 of asked waits, not version 7" in told) == (1, True)
    assert not loop.services.places[None].workspace.endpoint(NAME).deployments, (
        "nothing is deployed while it waits"
    )
    code, told = _homeostat(loop, "approve", NAME, "--reason", "the gate is right", *JANE)
    assert (code, told) == (0, f"Version 1 of {NAME} is approved, by jane@contoso.com.\n")
    loop.until("it goes on by itself", lambda: loop.intent(NAME).releasing.champion, patience=120)
    assert _open(link)[0] == 409
    (approved,) = [one["detail"] for one in loop.audit(NAME, "approved")]
    assert (approved["by"], approved["reason"]) == ("jane@contoso.com", "the gate is right")
    assert loop.audit(NAME, "approval refused")
    assert len(loop.audit(NAME, "AskApproval")) == 2
    code, told = _homeostat(loop, "approve", NAME, *JANE)
    assert (code, "Nothing of asked waits" in told) == (1, True)
    _lineage(loop)
    key = json.loads((loop.folder / "state" / "settings.json").read_text())["HOMEOSTAT_APPROVAL_KEY"]
    assert key not in loop.log
