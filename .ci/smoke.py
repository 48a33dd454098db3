"""Does a deployed app answer, and only to those who have its key? Starts nothing: no job, no release.

HOMEOSTAT_SMOKE_KEY=... python .ci/smoke.py --url https://<app>.azurewebsites.net
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

TIMEOUT_S = 30
BUILD = {
    "id": "smoke-test",
    "eventType": "build.complete",
    "resource": {"buildNumber": "smoke", "result": "failed", "definition": {"name": "smoke test"}},
}
"""A build that failed: understood, and nothing follows from it."""


@dataclass(frozen=True)
class Check:
    """One request and what must come back."""

    what: str
    path: str
    body: Any
    key: str
    status: int
    holds: str


def main() -> int:
    """Ask; 0 when all is right."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--patience", type=float, default=300, help="seconds for the app to come up")
    arguments = parser.parse_args()
    key = os.environ.get("HOMEOSTAT_SMOKE_KEY", "")
    if not key:
        print("HOMEOSTAT_SMOKE_KEY is not set: a key of the function app", file=sys.stderr)
        return 2
    checks = [
        Check("the app is up and reads alerts", "/api/alert", {}, key, 400, "common alert schema"),
        Check("the app reads service hooks", "/api/code_changed", BUILD, key, 200, "has not succeeded"),
        Check("a wrong key opens nothing", "/api/alert", {}, "wrong", 401, ""),
        Check("a wrong key opens no hook", "/api/code_changed", BUILD, "wrong", 401, ""),
    ]
    end = time.monotonic() + arguments.patience
    wrong = 0
    for check in checks:
        fault = _fault(arguments.url, check)
        while fault and time.monotonic() < end:
            time.sleep(min(5, max(0.0, end - time.monotonic())))
            fault = _fault(arguments.url, check)
        print(f"{'WRONG' if fault else 'right'}: {check.what}{f': {fault}' if fault else ''}")
        wrong += bool(fault)
    return 1 if wrong else 0


def _fault(url: str, check: Check) -> str:
    request = urllib.request.Request(
        url.rstrip("/") + check.path,
        data=json.dumps(check.body).encode(),
        headers={"Content-Type": "application/json", "x-functions-key": check.key},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            status, text = answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as err:
        status, text = err.code, err.read().decode(errors="replace")
    except OSError as err:
        return f"no answer: {err}"
    if status != check.status:
        return f"status {status} instead of {check.status}"
    return "" if check.holds in text else f"the answer does not say {check.holds!r}: {text[:200]}"


if __name__ == "__main__":
    sys.exit(main())
