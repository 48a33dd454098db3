"""docs/add-a-model.md, word for word: another data set, another policy, another pipeline, no Python."""

from __future__ import annotations

import json
import urllib.request
from datetime import UTC, datetime

import flow_docs
import flow_rain
import flow_reports
from flow_load import Load
from flow_loop import Loop, settings, write_policy

from cloud.mlclient import ml_client
from cloud.settings import read_settings
from control.traffic import Traffic


def test_a_second_model_goes_through_the_whole_loop(loop: Loop) -> None:
    write_policy(loop.folder / "app", "rain", flow_docs.policy())
    loop.land("rain/2013-01/", flow_rain.month(1))
    first = loop.until("a first champion", lambda: loop.intent("rain").releasing.champion)
    loop.land("rain/2013-02/", flow_rain.month(2))
    loop.until("nothing fresh to learn from", lambda: loop.audit("rain", "no retraining"))
    loop.land("rain/2013-03/", flow_rain.month(3))
    second = loop.until(
        "the gate's word on a candidate",
        lambda: loop.audit("rain", "candidate passed", "candidate refused")[1:],
    )
    judged = second[0]["detail"]
    assert judged["champion"] == first.version
    assert judged["checks"], "the policy's threshold was asked"
    report = flow_reports.of(loop, judged)
    assert report["evaluation"]["importance"]["features"]
    assert report["evaluation"]["claimed"] == {}, "what the step says follows from its rows"
    model = loop.services.places[None].workspace.models(loop.services.policies.get("rain"))[0]  # type: ignore[arg-type]
    passed = loop.audit("rain", "candidate passed")[0]["detail"]
    assert model.tags["homeostat.report"] == passed["report"]
    assert model.tags["homeostat.evidence"] == passed["evidence"]
    if judged["verdict"] == "pass":
        with Load(loop, "rain", 10):  # without requests nothing is promoted
            loop.until(
                "the second champion",
                lambda: loop.intent("rain").releasing.champion.version == judged["version"],
            )
        ended = datetime.now(UTC)
        loop.until("the load's last second is over", lambda: (datetime.now(UTC) - ended).seconds > 1)
    ml = ml_client(read_settings(settings(loop.addresses, loop.folder / "app" / "policies")))
    uri = str(ml.online_endpoints.get("rain").scoring_uri)
    key = str(ml.online_endpoints.get_keys("rain").primary_key)
    rows = flow_rain.month(4).select(flow_rain.FEATURES).slice(0, 5)
    body = {
        "input_data": {
            "columns": flow_rain.FEATURES,
            "data": [list(row.values()) for row in rows.to_pylist()],
        }
    }
    begun = datetime.now(UTC).replace(microsecond=0)  # the collector's times are whole seconds
    request = urllib.request.Request(
        uri,
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 200
        assert len(json.loads(answer.read())["probabilities"]) == 5
    # what the log and the collector say of it: our own golden requests are in neither
    policy = loop.services.policies.get("rain")
    assert policy is not None
    deployment = loop.intent("rain").releasing.champion.deployment  # type: ignore[union-attr]

    def traffic() -> Traffic:
        now = datetime.now(UTC)
        return loop.services.places[None].logs.traffic(policy, deployment, deployment, begun, now)

    found = loop.until("the collector's rows", lambda: (seen := traffic()).outputs and seen, patience=30)
    assert (found.reason, found.candidate.requests, found.candidate.failures) == ("", 1, 0)
    assert {one.column: one.candidate_rows for one in found.outputs} == {"label": 5, "probability": 5}
