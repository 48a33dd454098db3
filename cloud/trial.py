"""The trial run of a batch deployment: the golden request as a file of rows, its answer as `predictions.csv`.

A batch deployment reads files. The golden request's table (`input_data` with `columns` and `data`, or a list
of objects) becomes a CSV file with a header; the job runs on exactly the deployment that is tried. Its output
must have a line for each row, in their order, that ends with what the golden response says of that row.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from cloud.datastores import DEFAULT
from cloud.location import Location
from control.errors import BadData, HomeostatError, Refused
from control.facts import Probe
from control.golden import difference
from control.names import trial_name

if TYPE_CHECKING:
    from cloud.batch_endpoints import BatchEndpoints
    from cloud.datastores import Datastores
    from cloud.jobs import Jobs
    from cloud.probe import Prober
    from control.policy import Policy

ROWS, PREDICTIONS = "rows.csv", "predictions.csv"


class Trials:
    """Begins trial runs, and reads what came of them."""

    def __init__(
        self, *, datastores: Datastores, jobs: Jobs, prober: Prober, endpoints: BatchEndpoints
    ) -> None:
        self._datastores = datastores
        self._jobs = jobs
        self._prober = prober
        self._endpoints = endpoints

    def begin(self, policy: Policy, deployment: str, version: str, job: str) -> bool:
        """Write the rows and invoke the deployment; False when the job is there already.

        Raises:
            Refused: there is nothing that it could be tried with.
        """
        if self._jobs.get(job).status != "missing":
            return False
        golden = self._prober.golden(policy, version)
        if golden is None:
            raise Refused(f"no golden.json travels with {policy.name}:{version}")
        rows = place(policy.name, job, ROWS)
        self._datastores.at(rows).write(rows.path, rows_file(golden["request"]))
        predictions = place(policy.name, job, PREDICTIONS)
        try:
            self._endpoints.invoke(policy.release.endpoint, deployment, job, rows, predictions)
        except Refused:
            if self._jobs.get(job).status == "missing":
                raise
            return False  # somebody else began it meanwhile, and no second job takes its name
        return True

    def probe(self, policy: Policy, deployment: str, version: str) -> Probe:
        """What the trial run says. One that has not ended is inconclusive; a wrong or failed one fails."""

        def said(verdict: str, reason: str, *, to_begin: bool = False) -> Probe:
            return Probe(deployment=deployment, verdict=verdict, reason=reason, to_begin=to_begin)  # type: ignore[arg-type]

        name = trial_name(policy.name, deployment, version)
        try:
            golden = self._prober.golden(policy, version)
            if golden is None:
                return said("inconclusive", f"no golden.json travels with {policy.name}:{version}")
            expected = expected_rows(golden)
            job = self._jobs.get(name)
            if job.status == "missing":
                return said("inconclusive", f"the trial run {name} is not begun", to_begin=True)
            begun, made = self._jobs.begun(name), self._endpoints.made(policy.release.endpoint, deployment)
            if begun and made and begun < made:
                return said("inconclusive", f"the job {name} is older than the deployment: it tried another")
            if job.status == "active":
                return said("inconclusive", f"the trial run {name} has not ended")
            if job.status != "completed":
                return said("fail", f"the trial run {name}: {job.reason}")
            answer = place(policy.name, name, PREDICTIONS)
            body = self._datastores.at(answer).read(answer.path)
        except HomeostatError as err:
            return said("inconclusive", str(err))
        if body is None:
            return said("fail", f"the trial run {name} completed without {PREDICTIONS}")
        wrong = judge_rows(expected, body, policy.gates.golden_tolerance)
        return (
            said("fail", f"the trial run {name}: {wrong}") if wrong else said("pass", f"the trial run {name}")
        )


def place(model: str, job: str, file: str) -> Location:
    """Where a trial run's files lie in the workspace's datastore."""
    return Location(DEFAULT, f"homeostat/{model}/{job}/{file}")


def rows_file(request: Any) -> bytes:
    """The golden request's table as CSV with a header; null is an empty field.

    Raises:
        BadData: it is no table.
    """
    columns, rows = _table(request)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()


def expected_rows(golden: dict[str, Any]) -> list[list[Any]]:
    """What is expected of each row: the values of the golden response, a list of rows or columns by name.

    Raises:
        BadData: request or response is no table, or they differ in their rows.
    """
    _, asked = _table(golden["request"])
    response = golden["response"]
    if isinstance(response, dict) and response and all(isinstance(one, list) for one in response.values()):
        if len({len(one) for one in response.values()}) > 1:
            raise BadData("golden.json: the response's columns differ in length")
        response = [list(row) for row in zip(*response.values(), strict=True)]
    if not isinstance(response, list):
        raise BadData(
            "golden.json: a batch deployment answers rows: the response must be a list, or lists by name"
        )
    rows = [_values(row) for row in response]
    if len(rows) != len(asked) or not rows:
        raise BadData(f"golden.json: {len(asked)} rows are asked, {len(rows)} answered")
    return rows


def judge_rows(expected: list[list[Any]], body: bytes, tolerance: float) -> str | None:
    """What is wrong with `predictions.csv`, or None. Values are not repeated: they may be somebody's."""
    try:
        lines = [line for line in body.decode("utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError:
        return f"{PREDICTIONS} is not text"
    if len(lines) != len(expected):
        return f"{PREDICTIONS} has {len(lines)} lines, {len(expected)} rows went in"
    for number, (line, values) in enumerate(zip(lines, expected, strict=True), start=1):
        # A list's items are lines as they are; a DataFrame's columns have spaces between.
        delimiter = "," if "," in line else " "
        fields = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
        if len(fields) < len(values):
            return f"line {number} has {len(fields)} fields, {len(values)} were expected"
        for field, value in zip(fields[-len(values) :], values, strict=True):
            if wrong := difference(value, _like(value, field.strip()), tolerance, f"line {number}"):
                return wrong
    return None


def _like(expected: Any, field: str) -> Any:
    """A field's text as a value of the expected one's kind, where it is one."""
    if isinstance(expected, bool):
        return {"true": True, "false": False}.get(field.lower(), field)
    if isinstance(expected, int | float):
        try:
            return float(field)
        except ValueError:
            return field
    return None if expected is None and field in {"", "None", "nan"} else field


def _values(row: Any) -> list[Any]:
    values = list(row.values()) if isinstance(row, dict) else row if isinstance(row, list) else [row]
    if not values or any(isinstance(value, dict | list) for value in values):
        raise BadData("golden.json: the response's rows must hold plain values")
    return values


def _table(request: Any) -> tuple[list[str], list[list[Any]]]:
    body = request.get("input_data", request) if isinstance(request, dict) else request
    if isinstance(body, dict):
        columns, rows = body.get("columns"), body.get("data")
    elif isinstance(body, list) and body and all(isinstance(row, dict) for row in body):
        columns = list(body[0])
        rows = [[row[name] for name in columns] if row.keys() == body[0].keys() else None for row in body]
    else:
        columns = rows = None
    if (
        not isinstance(columns, list)
        or not isinstance(rows, list)
        or not all(isinstance(row, list) and len(row) == len(columns) for row in rows)
    ):
        raise BadData(
            "golden.json: a batch deployment is tried with rows: the request must be a table, input_data "
            "with columns and data"
        )
    return [str(name) for name in columns], rows
