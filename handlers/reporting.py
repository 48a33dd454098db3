"""The test report of a candidate: a page for people, JUnit XML for build servers, JSON for the rest."""

from __future__ import annotations

import logging

from control.errors import Refused
from control.gate import judge
from control.names import REPORT_DATA, REPORT_PAGE, REPORT_TESTS
from control.policy import Policy
from control.ports import Services
from control.state import OwedReport
from handlers.evidence import measured

log = logging.getLogger("homeostat.reporting")


def write(policy: Policy, owed: OwedReport, services: Services) -> bool:
    """Write the report that is owed; False when it is there or could not be: nothing else suffers from it."""
    try:
        if services.at(policy).workspace.reported(policy, owed.job):
            return False
        _write(policy, owed, services)
    except Exception:  # whatever it is, it is the report's fault and must not become the candidate's
        log.exception("%s: the test report of %s was not written", policy.name, owed.job)
        return False
    return True


def _write(policy: Policy, owed: OwedReport, services: Services) -> None:
    from reports import junit, model_test

    found = services.at(policy).workspace.evaluation(policy, owed.job)
    if found is None or found.digest != owed.evidence:
        raise Refused(f"the evaluation of {owed.job} is not the one that was judged ({owed.evidence[:12]})")
    evaluation = measured(policy, found)
    judgement = judge(policy.gates, evaluation, owed.champion)
    data = model_test.data(
        model=policy.name,
        job=owed.job,
        version=owed.version,
        champion=owed.champion,
        evidence=owed.evidence,
        policy_digest=owed.policy_digest,
        judged_at=owed.since,
        judgement=judgement,
        evaluation=evaluation.body,
    )
    services.at(policy).workspace.write_report(
        policy,
        owed.job,
        [
            (REPORT_PAGE, model_test.render(data).encode("utf-8", "replace")),
            (REPORT_TESTS, junit.render(data).encode("utf-8", "replace")),
            (REPORT_DATA, model_test.as_json(data).encode("utf-8", "replace")),
        ],
    )
