"""Traffic facts: the real clients against local Azure's Log Analytics and the blobs of a data collector."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from live_azure import live_logs, live_settings

from cloud.datastores import Datastores, Store
from cloud.logs import EndpointLogs
from cloud.predictions import Predictions
from cloud.settings import Settings, read_settings
from cloud.storage import blob_service
from control.policy_file import read_policy
from control.traffic import LATENCY_RATIO, Arm, Traffic
from local.loganalytics.kql import Limits
from local.loganalytics.service import LogAnalytics
from local.loganalytics.tables import TRAFFIC, WORKSPACE_ID

if TYPE_CHECKING:
    from cloud.location import Location

ROOT = Path(__file__).parents[3]
POLICY = read_policy((ROOT / "policies/flight-delay.yaml").read_text("utf-8"), "flight-delay.yaml")
ENDPOINT = POLICY.release.endpoint
SINCE = datetime(2026, 3, 1, 9, 40, 0, tzinfo=UTC)
UNTIL = SINCE + timedelta(hours=2)


class OneStore(dict[str, Store]):
    """Every datastore is the same container."""

    def __missing__(self, name: str) -> Store:
        return self["the one"]

    def at(self, location: Location) -> Store:
        return self[location.datastore]


@dataclass
class World:
    """A log, a container for collected data, and what the app reads from both."""

    log: LogAnalytics
    store: Store
    settings: Settings

    @property
    def logs(self) -> EndpointLogs:
        stores: Any = OneStore({"the one": self.store})
        return EndpointLogs(self.settings, Predictions(stores))

    def traffic(self, champion: str | None = "g001", **span: datetime) -> Traffic:
        since, until = span.get("since", SINCE), span.get("until", UNTIL)
        return self.logs.traffic(POLICY, "g002", champion, since, until)

    def request(self, deployment: str, *, at: datetime = SINCE, **columns: Any) -> None:
        row = {
            "TimeGenerated": at.replace(tzinfo=None), "AzureMLWorkspaceName": "local", "EndpointName": ENDPOINT,
            "DeploymentName": deployment, "ResponseCode": 200, "TotalDurationMs": 10, "UserAgent": "requests", **columns,
        }  # fmt: skip
        self.log.add(TRAFFIC, row)

    def collect(
        self, deployment: str, name: str, rows: list[tuple[datetime, dict[str, Any]]], end: str = "\n"
    ) -> None:
        """Append lines to a blob of the collector, as it does."""
        lines = [json.dumps({"time": f"{at:%Y-%m-%dT%H:%M:%SZ}", "data": [row]}) for at, row in rows]
        self.append(deployment, name, "\n".join(lines) + end)

    def append(self, deployment: str, name: str, text: str) -> None:
        blob = self.store.blob(f"{ENDPOINT}/{deployment}/model_outputs/{name}")
        if not blob.exists():
            blob.create_append_blob()
        blob.append_block(text.encode())


Make = Callable[..., Any]


@pytest.fixture
def world(background: Any, azurite: Any, unique: str, tmp_path: Path) -> Make:
    """Make one; its log has the settings that are given."""

    @contextmanager
    def made(**how: Any) -> Iterator[World]:
        log = LogAnalytics(state=tmp_path, retention=timedelta(days=10_000), **how)
        url = background.run(log.start())
        settings = read_settings({
            "HomeostatStorage": azurite.connection_string, "HOMEOSTAT_SUBSCRIPTION_ID": "s",
            "HOMEOSTAT_RESOURCE_GROUP": "local", "HOMEOSTAT_WORKSPACE": "local", "HOMEOSTAT_AZUREML_URL": "http://127.0.0.1:1",
            "HOMEOSTAT_TOPIC_ENDPOINT": "http://127.0.0.1:1/api/events", "HOMEOSTAT_TOPIC_KEY": "key",
            "HOMEOSTAT_LOGS_WORKSPACE_ID": WORKSPACE_ID, "HOMEOSTAT_LOGS_URL": url,
        })  # fmt: skip
        try:
            with blob_service(settings) as service:
                container = service.create_container(unique)
                yield World(log, Store("modeldatacollector", container, service.url), settings)
                container.delete_container()
        finally:
            background.run(log.stop())

    return made


def test_arms_are_what_the_deployments_answered(world: Make) -> None:
    """Every bin, its edges included; failures by their code; nobody else's requests, and none of our own."""
    codes = [200, 200, 200, 400, 404, 408, 424, 429, 500, 503]
    with world() as w:
        durations = [*range(300), 1023, 1024, 1025, 5000, 60_000]
        for number, duration in enumerate(durations):
            w.request("g002", TotalDurationMs=duration, ResponseCode=codes[number % 10])
            w.request("g001", TotalDurationMs=7)
        w.request("g003")
        w.request("g002", EndpointName="another")
        w.request("g002", AzureMLWorkspaceName="another")
        w.request("g002", UserAgent="homeostat azure-ai-ml/1.35.2", ResponseCode=500)
        found = w.traffic()
        assert found.reason == ""
        bins: Counter[int] = Counter()
        for duration in durations:
            (k,) = [
                k
                for k in range(300)
                if LATENCY_RATIO**k <= max(duration, 1) * (1 + 1e-12) < LATENCY_RATIO ** (k + 1)
            ]
            bins[k] += 1
        failures = sum(codes[number % 10] in {408, 424, 500, 503} for number in range(len(durations)))
        assert found.candidate == Arm(
            requests=len(durations), failures=failures, latencies=tuple(sorted(bins.items()))
        )
        assert found.champion == Arm(requests=len(durations), latencies=((44, len(durations)),))
        assert w.traffic(champion=None).champion is None
        assert w.traffic(champion=None).candidate == found.candidate


def test_only_the_span_counts(world: Make) -> None:
    with world() as w:
        second = timedelta(seconds=1)
        for at in (SINCE - second, SINCE, SINCE + second, UNTIL - second, UNTIL, UNTIL + second):
            w.request("g002", at=at)
        found = w.traffic()
        assert found.candidate.requests == 3
        assert found.champion == Arm()  # it had none: the candidate's are there, so the log works
        assert found.reason == ""


def test_no_request_at_all_says_what_it_may_be(world: Make) -> None:
    with world() as w:
        w.request("g003")
        found = w.traffic()
        assert (found.candidate, found.champion) == (Arm(), Arm())
        assert "no request of g002 or g001" in found.reason
        assert "diagnostic setting" in found.reason


def test_rows_that_have_not_arrived_are_no_zero(world: Make) -> None:
    with world(delay=timedelta(minutes=5)) as w:
        w.request("g002")
        assert "have not arrived yet" in w.traffic().reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"logs_workspace": None}, "HOMEOSTAT_LOGS_WORKSPACE_ID"),
        ({"logs_workspace": "11111111-2222-3333-4444-555555555555"}, "The workspace could not be found"),
        ({"logs_url": "http://127.0.0.1:9"}, "reading the log of endpoint"),
        ({"workspace": 'x" or true //'}, "no name of Azure ML"),
    ],
)
def test_what_cannot_be_read_has_a_reason(world: Make, change: dict[str, Any], reason: str) -> None:
    with world() as w:
        w.request("g002")
        w.settings = replace(w.settings, **change)
        found = w.traffic()
        assert reason in found.reason
        assert (found.candidate, found.champion, found.outputs) == (Arm(), Arm(), ())


def test_a_query_that_is_refused_says_why(world: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with world() as w:
        monkeypatch.setattr("cloud.logs.query", lambda *_: f"{TRAFFIC} | where Nope == 1")
        assert "Failed to resolve scalar expression named 'Nope'" in w.traffic().reason


def test_a_part_of_the_log_is_no_fact(world: Make) -> None:
    with world(limits=Limits(rows=3)) as w:
        for duration in (1, 10, 100, 1000):
            w.request("g002", TotalDurationMs=duration)
        found = w.traffic()
        assert "only a part" in found.reason
        assert "E_QUERY_RESULT_SET_TOO_LARGE" in found.reason
        assert found.candidate == Arm()


def test_a_lost_log_is_no_fact(world: Make, tmp_path: Path) -> None:
    (tmp_path / "logs.duckdb").write_bytes(b"no database" * 1000)
    with world() as w:
        w.request("g002")
        assert "were lost" in w.traffic().reason
        now = datetime.now(UTC)
        w.request("g002", at=now)
        assert w.traffic(since=now, until=now + timedelta(hours=1)).reason == ""


def test_lines_without_a_code_are_no_numbers(world: Make) -> None:
    with world() as w:
        w.request("g002")
        w.request("g001", ResponseCode=None)
        assert "1 requests without a response code or a duration" in w.traffic().reason


def probabilities(at: datetime, values: list[float]) -> list[tuple[datetime, dict[str, Any]]]:
    return [(at, {"probability": value, "label": int(value > 0.5)}) for value in values]


def test_outputs_of_the_span_are_compared(world: Make) -> None:
    hour = timedelta(hours=1)
    with world() as w:
        w.request("g002")
        w.collect("g001", "2026/03/01/09/a.jsonl", probabilities(SINCE - timedelta(minutes=1), [0.9] * 50))
        w.collect("g001", "2026/03/01/09/a.jsonl", probabilities(SINCE, [0.1, 0.2]))
        w.collect("g001", "2026/03/01/10/a.jsonl", probabilities(SINCE + hour, [0.3, 0.4]))
        w.collect("g001", "2026/03/01/11/b.jsonl", probabilities(UNTIL - timedelta(seconds=1), [0.6]))
        w.collect("g001", "2026/03/01/11/b.jsonl", probabilities(UNTIL, [0.7] * 50))
        w.collect("g002", "2026/03/01/10/c.jsonl", probabilities(SINCE + hour, [0.1, 0.2, 0.7, 0.8]))
        w.collect("g002", "2026/03/01/08/c.jsonl", probabilities(SINCE, [0.9] * 9))  # an hour before
        label, probability = w.traffic().outputs
        assert (label.column, label.candidate_rows, label.champion_rows, label.categories) == (
            "label",
            4,
            5,
            2,
        )
        assert label.distance == pytest.approx(abs(2 / 4 - 1 / 5))
        assert (probability.column, probability.candidate_rows, probability.champion_rows) == (
            "probability",
            4,
            5,
        )
        assert probability.distance == pytest.approx(1 - 2 / 4)
        assert probability.categories == 0
        assert w.traffic(champion=None).outputs == ()


def test_a_second_look_reads_what_is_new(world: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[tuple[int, int]] = []
    blob = "2026/03/01/09/a.jsonl"
    with world() as w:
        original = w.store.blob

        def noted(path: str) -> Any:
            client = original(path)
            download = client.download_blob

            def downloaded(offset: int = 0, length: int = 0) -> Any:
                read.append((offset, length))
                return download(offset=offset, length=length)

            monkeypatch.setattr(client, "download_blob", downloaded)
            return client

        w.store.blob = noted  # type: ignore[method-assign]
        w.request("g002")

        def rows(until: datetime) -> int:
            read.clear()
            outputs = w.traffic(until=until).outputs
            return sum(one.candidate_rows for one in outputs if one.column == "probability")

        minutes = [SINCE + timedelta(minutes=minute) for minute in range(6)]
        for at in minutes[:3]:
            w.collect("g002", blob, probabilities(at, [0.1]))
        assert rows(minutes[3]) == 3
        size = read[0][1]
        assert read == [(0, size)]
        assert rows(minutes[3]) == 3
        assert read == []
        # one within, one past the span, a late one within, half a line: all but the first are read again
        w.collect("g002", blob, probabilities(minutes[3], [0.2]))
        w.collect("g002", blob, probabilities(minutes[5], [0.3]))
        w.collect("g002", blob, probabilities(minutes[4], [0.4]), end="")
        assert rows(minutes[5]) == 5
        assert [offset for offset, _ in read] == [size]
        w.append("g002", blob, "\n" + '{"time": "2026-03-01T09:40:00Z", "data": [{"proba')
        assert rows(minutes[5]) == 5
        assert size < read[0][0]
        assert rows(UNTIL) == 6
        kept = [one.path for one in w.store.list("", below="homeostat/") if one.path.endswith(".bin")]
        assert len(kept) == 1
        w.store.write("homeostat/" + kept[0], b"damaged")
        assert rows(UNTIL) == 6
        assert read[0][0] == 0
        # another phase has another beginning
        w.request("g002", at=minutes[5])
        assert sum(one.candidate_rows for one in w.traffic(since=minutes[2]).outputs) == 2 * 4


def test_lines_that_are_not_the_collectors_do_not_count(
    world: Make, caplog: pytest.LogCaptureFixture
) -> None:
    with world() as w:
        w.request("g002")
        w.collect("g002", "2026/03/01/10/a.jsonl", probabilities(SINCE + timedelta(hours=1), [0.5]))
        for line in (
            '{"data": [{"probability": 1}]}',
            "[]",
            '{"time": "2026-03-01T10:40:00Z", "data": 1}',
            "rubbish",
        ):
            w.append("g002", "2026/03/01/10/a.jsonl", line + "\n")
        assert [one.candidate_rows for one in w.traffic().outputs] == [1, 1]
        assert "4 lines are not of the data collector" in caplog.text


def test_storage_that_does_not_answer_is_a_reason(world: Make) -> None:
    with world() as w:
        w.request("g002")
        gone = w.store.container
        w.store.container = blob_service(w.settings).get_container_client("no-such-container")
        assert "listing" in w.traffic().reason
        w.store.container = gone


@pytest.mark.live
def test_azure_takes_the_query() -> None:
    """Of an endpoint that does not exist: the query is understood, and has no row."""
    settings = replace(live_settings(), logs_workspace=live_logs())
    datastores: Datastores = OneStore()  # type: ignore[assignment]
    now = datetime.now(UTC)
    logs = EndpointLogs(settings, Predictions(datastores))
    policy = replace(POLICY, release=replace(POLICY.release, endpoint="no-such-endpoint"))
    found = logs.traffic(policy, "g002", None, now - timedelta(hours=1), now)
    assert "has no request of g002" in found.reason
