"""The route `approval` of the real app in local Azure's Functions host: pages, forms, programs, and attacks."""

from __future__ import annotations

import base64
import contextlib
import html
import json
import os
import re
import subprocess
import sys
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests
import yaml
from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueClient
from host_process import ROOT, HostProcess

from cloud.ledger import TableLedger
from cloud.settings import read_settings
from cloud.storage import table_service
from control.answering import MOST_WITHOUT
from control.approval import Asked, Sealer, environment
from control.policy_file import read_policy
from control.ports import Note
from control.state import Candidate, Champion, Intent, Question, Releasing
from control.yaml_source import read_yaml
from local.entra import AUDIENCE, Entra

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local.storage import StorageAccount

KEY = "one-key-of-this-test-and-of-nothing-else"
OLD_KEY = "the-key-before-that-whose-links-still-stand"
FLIGHTS = read_yaml((ROOT / "policies" / "flight-delay.yaml").read_text()).data
PATH = "/api/approval"


@dataclass
class App:
    """The running app, and what is behind it."""

    host: HostProcess
    entra: Entra
    ledger: TableLedger
    policies: Path
    sealer: Sealer
    queue: QueueClient
    settings: dict[str, str]

    def waiting(self, *, asked: datetime | None = None, authors: Any = (), **approval: Any) -> Asked:
        """A model of its own, whose version 2 waits for an approval in place of version 1."""
        name = f"m-{uuid.uuid4().hex[:10]}"
        now = datetime.now(UTC)
        digest = self.write_policy(name, **approval)
        question = Question(
            number=1,
            evidence="e" * 64,
            policy=digest,
            asked=asked or now,
            expires=(asked or now) + timedelta(hours=1),
            told=now,
        )
        candidate = Candidate(
            version="2",
            generation=2,
            evidence="e" * 64,
            question=question,
            authors=authors,
            report="https://r.example/2?a=1&b",
        )
        champion = Champion(version="1", deployment="g001", since=now)
        state = Releasing(phase="proposed", generation=2, candidate=candidate, champion=champion, since=now)
        checks = [
            {"name": "champion roc_auc", "verdict": "pass", "reason": "roc_auc +0.0123 <b>against</b> it"}
        ]
        detail = {"version": "2", "checks": checks, "reason": "roc_auc is better", "metric": "roc_auc",
                  "candidate_value": 0.8123, "champion_value": 0.8}  # fmt: skip
        noise = [Note(at=now, kind="decision", name="x", detail={}) for _ in range(3)]
        passed = Note(at=now, kind="decision", name="candidate passed", detail=detail)
        self.ledger.commit(Intent(model=name, releasing=state), "", [passed, *noise])
        found = self.sealer.asked(self.intent(name))
        assert found
        return found

    def write_policy(self, name: str, **approval: Any) -> str:
        body = {**FLIGHTS, "name": name, "approval": {"required": True, "expires": "PT1H", **approval}}
        text = yaml.safe_dump(body, sort_keys=False)
        (self.policies / f"{name}.yaml").write_text(text)
        return read_policy(text, name).digest

    def intent(self, model: str) -> Intent:
        return self.ledger.load(model)[0]

    def refusals(self, model: str) -> list[dict[str, Any]]:
        return [one["detail"] for one in self.ledger.audit(model) if one["name"] == "approval refused"]

    def woken(self, model: str) -> int:
        """How often the release machine was asked to look at the model."""
        texts = [base64.b64decode(one.content).decode() for one in self.queue.peek_messages(32)]
        return sum(json.loads(text).get("model") == model for text in texts)

    def bearer(self, name: str, *groups: str) -> dict[str, str]:
        form = {
            "grant_type": "password",
            "username": name,
            "groups": " ".join(groups),
            "scope": f"{AUDIENCE}/.default",
        }
        found = requests.post(f"{self.entra.authority}/oauth2/v2.0/token", data=form, timeout=20).json()
        return {"Authorization": f"Bearer {found['access_token']}"}

    def homeostat(self, *arguments: str, without: str = "") -> tuple[int, str]:
        """The command line, with the app's settings in its environment."""
        environment = {
            name: value for name, value in {**os.environ, **self.settings}.items() if name != without
        }
        done = subprocess.run(
            [sys.executable, "-m", "cli.main", *arguments],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def get(self, token: str, headers: dict[str, str] | None = None) -> requests.Response:
        return self.host.request("GET", PATH, params={"token": token}, headers=headers or {})

    def post(self, body: Any, headers: dict[str, str] | None = None) -> requests.Response:
        return self.host.request("POST", PATH, json=body, headers=headers or {})

    def say(
        self, asked: Asked, verdict: str = "approve", headers: dict[str, str] | None = None
    ) -> requests.Response:
        return self.post({"token": self.sealer.seal(asked), "verdict": verdict, "reason": "fine"}, headers)


@pytest.fixture(scope="module")
def app(azurite: StorageAccount, background: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    folder = tmp_path_factory.mktemp("approval")
    policies = folder / "app" / "policies"
    policies.mkdir(parents=True)
    entra = Entra(state=folder / "entra")
    background.run(entra.start())
    settings = {
        "AzureWebJobsStorage": azurite.connection_string,
        "HomeostatStorage": azurite.connection_string,
        "HOMEOSTAT_SUBSCRIPTION_ID": "s", "HOMEOSTAT_RESOURCE_GROUP": "g", "HOMEOSTAT_WORKSPACE": "w",
        "HOMEOSTAT_AZUREML_URL": "http://127.0.0.1:9",
        "HOMEOSTAT_TOPIC_ENDPOINT": "http://127.0.0.1:9/api/events", "HOMEOSTAT_TOPIC_KEY": "k",
        "HOMEOSTAT_POLICIES": str(policies),
        "HOMEOSTAT_APPROVAL_KEY": KEY, "HOMEOSTAT_APPROVAL_KEY_PREVIOUS": OLD_KEY,
        "HOMEOSTAT_ENTRA_AUTHORITY": entra.authority, "HOMEOSTAT_ENTRA_AUDIENCE": AUDIENCE,
        "HOMEOSTAT_DRIFT_CHECK_SCHEDULE": "0 0 0 1 1 *", "HOMEOSTAT_RECONCILE_SCHEDULE": "0 0 0 1 1 *",
        "AzureWebJobs.work.Disabled": "true",  # what it would do is the flow tests' to show
    }  # fmt: skip
    queue = QueueClient.from_connection_string(azurite.connection_string, "work")
    with contextlib.suppress(ResourceExistsError):  # the host makes it only at its first message
        queue.create_queue()
    with HostProcess(folder, settings, ROOT) as host:
        configured = read_settings(settings)
        settings["HOMEOSTAT_APP_URL"] = host.addresses["url"]
        ledger = TableLedger(lambda: table_service(configured))
        yield App(host, entra, ledger, policies, configured.sealer, queue, settings)
    queue.close()
    background.run(entra.stop())


def fields(page: str) -> dict[str, str]:
    """The hidden fields of the page's form."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page)
    return {name: html.unescape(value) for name, value in found}


def test_the_page_shows_everything_fetches_nothing_and_changes_nothing(app: App) -> None:
    asked = app.waiting()
    before = app.ledger.load(asked.model)
    answer = app.get(app.sealer.seal(asked))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    for name, value in {
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Frame-Options": "DENY",
    }.items():
        assert answer.headers[name] == value
    page = answer.text
    for text in (f"Release version 2 of {asked.model}?", "roc_auc +0.0123 &lt;b&gt;against", asked.evidence, asked.policy,
                 "5 % → 25 % → 50 % → 100 %", "0.812", "whoever has this link", 'href="https://r.example/2?a=1&amp;b"'):  # fmt: skip
        assert text in page, text
    assert not re.findall(r"(?:\bsrc=|<link|<script|@import|url\()", page)
    assert app.ledger.load(asked.model) == before
    assert app.woken(asked.model) == 0


def test_a_report_that_is_not_ours_is_not_read(app: App) -> None:
    token = app.sealer.seal(app.waiting())
    reading = app.host.request("GET", PATH, params={"token": token, "report": "page"})
    assert (reading.status_code, "has no test report here" in reading.text) == (404, True)


def test_the_form_of_the_page_decides_once(app: App) -> None:
    asked = app.waiting()
    page = app.get(app.sealer.seal(asked)).text
    form = {**fields(page), "verdict": "approve", "reason": "better\r\nin every slice"}
    answer = app.host.request("POST", PATH, data=form)
    assert (answer.status_code, f"Version 2 of {asked.model} is approved" in answer.text) == (200, True)
    intent = app.intent(asked.model)
    assert intent.releasing.candidate
    given = intent.releasing.candidate.answer
    assert given
    assert (given.verdict, given.by, given.reason) == ("approve", "link", "better in every slice")
    assert app.woken(asked.model) == 1
    again = app.host.request("POST", PATH, data=form)
    assert again.status_code == 409
    assert "approved already, by link" in again.text
    assert app.get(form["token"]).status_code == 409, "a spent link shows what became of it"
    assert app.intent(asked.model).releasing == intent.releasing
    assert app.woken(asked.model) == 1
    assert [one["why"] for one in app.refusals(asked.model)] == ["replayed"]
    assert app.ledger.verify(asked.model) is None


@pytest.mark.parametrize("verdict", ["reject", "withdraw"])
def test_a_no(app: App, verdict: str) -> None:
    asked = app.waiting()
    answer = app.say(asked, verdict)
    assert (answer.status_code, answer.json()["verdict"]) == (200, verdict)
    candidate = app.intent(asked.model).releasing.candidate
    assert candidate
    assert candidate.answer
    assert candidate.answer.verdict == verdict
    assert app.woken(asked.model) == 1


def test_many_answers_at_once_are_one(app: App) -> None:
    from concurrent.futures import ThreadPoolExecutor

    asked = app.waiting()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda at: app.say(asked, "approve" if at % 2 else "reject"), range(8)))
    assert sorted(one.status_code for one in answers) == [200] + [409] * 7
    assert app.woken(asked.model) == 1
    assert sum(one["name"] == "approval answered" for one in app.ledger.audit(asked.model)) == 1


def test_a_form_of_another_site_decides_nothing(app: App) -> None:
    """Its author may know the link, but not what our page holds for whoever is signed in."""
    asked = app.waiting(approvers=["user:jane"])
    token = app.sealer.seal(asked)
    theirs = fields(app.get(token).text)["form"]
    for form in ("", "x", theirs):
        body = {"token": token, "form": form, "verdict": "approve", "reason": "r"}
        answer = app.host.request("POST", PATH, data=body, headers=app.bearer("jane"))
        assert (answer.status_code, "open the link again" in answer.text) == (403, True)
    kind = {"Content-Type": "text/plain"}  # what a site can send without asking first
    text = json.dumps({"token": token, "verdict": "approve", "reason": "r"})
    assert app.host.request("POST", PATH, data=text, headers=kind).status_code == 415
    assert app.intent(asked.model).releasing.candidate.answer is None  # type: ignore[union-attr]
    own = fields(app.get(token, app.bearer("jane")).text)
    body = {**own, "verdict": "approve", "reason": "r"}
    assert app.host.request("POST", PATH, data=body, headers=app.bearer("jane")).status_code == 200


def _changed(token: str) -> str:
    head, body, seal = token.split(".")
    return f"{head}.{body}.{seal[:-1]}{'A' if seal[-1] != 'A' else 'B'}"


def test_what_was_forged_expired_or_made_elsewhere_is_refused_and_written_down(app: App) -> None:
    asked = app.waiting()
    other = replace(app.sealer, environment=environment("s", "g", "other"))
    elsewhere = other.seal(replace(asked, environment=other.environment))
    expired = app.sealer.seal(replace(asked, expires=asked.expires - 7200))
    unknown = replace(app.sealer, keys=("x" * 40,)).seal(asked)
    cases = {
        _changed(app.sealer.seal(asked)): (403, "forged"),
        unknown: (403, "forged"),
        elsewhere: (403, "environment"),
        expired: (410, "expired"),
        "v1.x": (400, "malformed"),
        "": (400, "malformed"),
    }
    for token, (status, kind) in cases.items():
        answer = app.post({"token": token, "model": asked.model, "verdict": "approve", "reason": "r"})
        assert (answer.status_code, answer.json()["kind"]) in {(status, kind), (401, "identity")}, token
        assert app.get(token).status_code in {status, 400}
    assert app.intent(asked.model).releasing.candidate.answer is None  # type: ignore[union-attr]
    assert app.woken(asked.model) == 0
    assert [one["why"] for one in app.refusals(asked.model)] == [
        "forged", "forged", "environment", "expired", "malformed", "identity",
    ]  # fmt: skip
    assert app.say(asked).status_code == 200, "the right link still counts"


def test_the_key_before_still_opens(app: App) -> None:
    asked = app.waiting()
    before = replace(app.sealer, keys=(OLD_KEY,))
    answer = app.post({"token": before.seal(asked), "verdict": "approve", "reason": "r"})
    assert answer.status_code == 200
    assert app.say(asked).status_code == 409, "the same question under the new key"


def test_a_policy_changed_since_makes_the_link_stale(app: App) -> None:
    asked = app.waiting()
    app.write_policy(asked.model, expires="PT2H")
    answer = app.say(asked)
    assert (answer.status_code, answer.json()["kind"]) == (409, "stale")
    assert "policy" in answer.json()["error"]
    assert app.refusals(asked.model)[0]["why"] == "stale"
    (app.policies / f"{asked.model}.yaml").write_text("name: [")
    assert app.say(asked).status_code == 409
    (app.policies / f"{asked.model}.yaml").unlink()
    assert app.say(asked).status_code == 404


def test_approvers_by_person_and_by_group(app: App) -> None:
    asked = app.waiting(approvers=["group:ml-owners", "user:jane"])
    for headers, status, kind in (
        ({}, 401, "not signed in"),
        (app.bearer("joe", "others"), 403, "not an approver"),
        ({"Authorization": "Bearer a.b.c"}, 401, "identity"),
        ({"X-MS-CLIENT-PRINCIPAL": _principal("jane")}, 401, "not signed in"),
    ):
        answer = app.say(asked, headers=headers)
        assert (answer.status_code, answer.json()["kind"]) == (status, kind)
        assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    assert app.intent(asked.model).releasing.candidate.answer is None  # type: ignore[union-attr]
    assert [(one["why"], one["by"]) for one in app.refusals(asked.model)] == [
        ("not signed in", "link"), ("not an approver", "joe"), ("identity", "link"), ("not signed in", "link"),
    ]  # fmt: skip
    answer = app.say(asked, headers=app.bearer("mary", "ml-owners"))
    assert (answer.status_code, answer.json()["by"]) == (200, "mary")


def _principal(name: str) -> str:
    claims = [{"typ": "oid", "val": name}, {"typ": "preferred_username", "val": name}]
    return base64.b64encode(json.dumps({"auth_typ": "aad", "claims": claims}).encode()).decode()


def test_whoever_made_it_must_not_approve_it(app: App) -> None:
    asked = app.waiting(authors=("jane", "Jane Doe"), not_author=True)
    answer = app.say(asked, headers=app.bearer("JANE"))
    assert (answer.status_code, answer.json()["kind"]) == (403, "self-made")
    assert app.refusals(asked.model)[0]["by"] == "JANE"
    assert app.say(asked).status_code == 401
    assert app.say(asked, headers=app.bearer("joe")).status_code == 200


def test_a_pipeline_answers_without_a_link_as_an_identity_of_the_policy(app: App) -> None:
    asked = app.waiting(approvers=["user:release-pipeline"])
    body = {
        "model": asked.model,
        "version": "2",
        "evidence": asked.evidence,
        "verdict": "approve",
        "reason": "run 7",
    }
    own = app.bearer("release-pipeline")
    assert app.post(body).status_code == 401
    assert app.post({**body, "evidence": "f" * 64}, own).status_code == 409
    assert app.post({**body, "version": "1"}, own).status_code == 409
    assert app.post({**body, "model": "nobody's"}, own).status_code == 404
    assert app.post(body, app.bearer("joe")).status_code == 403
    answer = app.post(body, own)
    assert (answer.status_code, answer.json()["verdict"], answer.json()["by"]) == (
        200,
        "approve",
        "release-pipeline",
    )
    again = app.post(body, own)
    assert (again.status_code, again.json()["kind"]) == (409, "replayed")
    open_to_all = app.waiting()
    body = {**body, "model": open_to_all.model}
    assert app.post(body, own).status_code == 401, "where no approver is named, the link is the key"


def test_a_program_reads_the_question(app: App) -> None:
    asked = app.waiting(approvers=["group:ml-owners"])
    found = app.get(app.sealer.seal(asked), {"Accept": "application/json"}).json()
    assert (found["version"], found["champion"], found["approvers"]) == ("2", "1", ["group:ml-owners"])
    assert found["judgement"]["candidate_value"] == 0.8123
    assert "form" not in found


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"token": 3}', b"[" * 50_000, b"\xff\xfe", b'{"verdict": "approve"}']
)
def test_nonsense_is_a_400(app: App, body: bytes) -> None:
    answer = app.host.request("POST", PATH, data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 413}
    assert answer.json()["error"]


@pytest.mark.parametrize(("change", "status"), [
    ({"verdict": "maybe"}, 400), ({"verdict": ""}, 400), ({"reason": " \n"}, 400), ({"reason": "x" * 20_000}, 413),
])  # fmt: skip
def test_an_answer_that_says_nothing(app: App, change: dict[str, str], status: int) -> None:
    asked = app.waiting()
    body = {"token": app.sealer.seal(asked), "verdict": "approve", "reason": "r", **change}
    assert app.post(body).status_code == status
    assert app.intent(asked.model).releasing.candidate.answer is None  # type: ignore[union-attr]


def test_nobody_fills_the_audit_trail_or_the_log(app: App) -> None:
    asked = app.waiting()
    forged = _changed(app.sealer.seal(asked))
    for _ in range(MOST_WITHOUT + 10):
        assert app.post({"token": forged, "verdict": "approve", "reason": "r"}).status_code == 403
    assert len(app.refusals(asked.model)) == MOST_WITHOUT
    assert "no more of these until" in app.refusals(asked.model)[-1]["after this"]
    assert app.say(asked, "maybe").status_code == 400
    assert app.say(asked).status_code == 200


def test_what_people_send_makes_no_line_of_the_log(app: App) -> None:
    mark = uuid.uuid4().hex
    body = {"model": f"x\r\n{mark} ERROR all is lost", "verdict": "approve", "reason": "r"}
    assert app.post(body, app.bearer("a\n" + mark)).status_code == 404
    assert not re.search(rf"^{mark}", app.host.log, re.MULTILINE)
    assert KEY not in app.host.log
    assert OLD_KEY not in app.host.log


def test_the_command_line_answers_like_everybody_else(app: App) -> None:
    asked = app.waiting(approvers=["group:ml-owners"])
    mary = ("--as", "mary", "--group", "ml-owners")
    code, told = app.homeostat("withdraw", asked.model, "--as", "joe")
    assert (code, "joe is none of the approvers: group:ml-owners" in told) == (1, True)
    code, told = app.homeostat("withdraw", asked.model, "--reason", "the data were wrong", *mary)
    assert (code, told) == (0, f"Version 2 of {asked.model} is withdrawn, by mary.\n")
    code, told = app.homeostat("approve", asked.model, *mary)
    assert (code, "was withdrawn already, by mary" in told) == (1, True)
    candidate = app.intent(asked.model).releasing.candidate
    assert candidate
    assert candidate.answer
    assert candidate.answer.reason == "the data were wrong"


def test_the_command_line_says_why(app: App) -> None:
    asked = app.waiting()
    assert app.say(asked, "maybe").status_code == 400
    code, told = app.homeostat("why", asked.model)
    assert code == 0, told
    for said in (
        "version 1 answers",
        "Version 2 waits for an approval until",
        "candidate 2 passed the gate: roc_auc is better",
        "verdict must be one of",
    ):
        assert said in told
    code, told = app.homeostat("why", "nobody-s")
    assert (code, "Nothing has happened to nobody-s yet" in told) == (1, True)


def test_the_command_line_without_the_key_answers_by_identity(app: App) -> None:
    asked = app.waiting(approvers=["user:mary"])
    key = "HOMEOSTAT_APPROVAL_KEY"
    app.settings.pop("HOMEOSTAT_APPROVAL_KEY_PREVIOUS", None)  # of the command alone: the host runs already
    code, told = app.homeostat("approve", asked.model, "--link", without=key)
    assert (code, "HOMEOSTAT_APPROVAL_KEY is not set" in told) == (1, True)
    code, told = app.homeostat("approve", asked.model, "--reject", "--as", "mary", without=key)
    assert (code, told) == (0, f"Version 2 of {asked.model} is rejected, by mary.\n")


def test_the_command_line_says_what_is_missing(app: App, tmp_path: Path) -> None:
    code, told = app.homeostat("approve", "nobody-s")
    assert (code, "Nothing of nobody-s waits for an approval" in told) == (1, True)
    code, told = app.homeostat("approve", "m", "--state", str(tmp_path), without="HOMEOSTAT_SUBSCRIPTION_ID")
    assert (code, "Nothing runs on" in told, "docs/settings.md" in told) == (1, True, True)
