"""`homeostat drift`: exit codes, JSON by the published schema, odd data, and messages that help."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from drift.profile import Profile

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = json.loads((ROOT / "docs/drift-check.schema.json").read_text("utf-8"))
ROWS = 3000


def drift(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["drift", *map(str, arguments)], env={"COLUMNS": "200"})


def table(seed: int, shift: float = 0.0, rows: int = ROWS) -> pa.Table:
    random = np.random.default_rng(seed)
    return pa.table({"x": random.normal(shift, 1, rows), "k": random.choice(list("abc"), rows)})


def stored(path: Path, content: pa.Table) -> Path:
    pq.write_table(content, path)
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    stored(tmp_path / "reference.parquet", table(1))
    stored(tmp_path / "same.parquet", table(2))
    stored(tmp_path / "moved.parquet", table(3, shift=1.0))
    stored(tmp_path / "few.parquet", table(4, rows=100))
    return tmp_path


def checked(folder: Path, reference: object, current: object, *more: object) -> tuple[int, dict[str, Any]]:
    file = folder / "verdict.json"
    done = drift("check", "--reference", reference, "--current", current, "--json", file, *more)
    assert file.exists(), done.output
    document = json.loads(file.read_text("utf-8"))
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    return done.exit_code, document


@pytest.mark.parametrize(
    ("current", "code", "verdict"), [("same", 0, "pass"), ("moved", 1, "fail"), ("few", 2, "inconclusive")]
)
def test_the_exit_code_is_the_verdict(data: Path, current: str, code: int, verdict: str) -> None:
    done, document = checked(data, data / "reference.parquet", data / f"{current}.parquet")
    assert (done, document["verdict"]) == (code, verdict)
    assert document["rows"]["reference"] == ROWS
    assert document["multivariate"] is None


def test_the_schema_is_valid_and_refuses_what_is_not_a_verdict() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate({"verdict": "maybe"})


def test_a_stored_profile_gives_the_same_verdict_as_its_data(data: Path) -> None:
    for side in ("reference", "moved"):
        made = drift("profile", data / f"{side}.parquet", "-o", data / f"{side}.profile")
        assert made.exit_code == 0, made.output
        assert f"{ROWS:,} rows, 2 columns" in made.output
    _, expected = checked(data, data / "reference.parquet", data / "moved.parquet")
    for reference, current in (
        ("reference.profile", "moved.parquet"), ("reference.profile", "moved.profile"),
    ):  # fmt: skip
        code, document = checked(data, data / reference, data / current)
        assert code == 1
        assert {**document, "timings": 0} == {**expected, "timings": 0}


def test_the_terminal_begins_with_the_verdict_and_what_moved(data: Path) -> None:
    done = drift("check", "--reference", data / "reference.parquet", "--current", data / "moved.parquet")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("FAIL: 1 of 2 columns changed. x: the values moved")
    first = next(place for place, line in enumerate(lines) if line.startswith("column")) + 1
    assert [line.split()[0] for line in lines[first:]] == ["x", "k"]
    assert done.stderr == ""  # no progress where nobody looks


def test_json_alone_on_standard_output(data: Path) -> None:
    done = drift(
        "check", "--reference", data / "reference.parquet", "--current", data / "same.parquet", "--json", "-"
    )
    assert json.loads(done.stdout)["verdict"] == "pass"
    assert done.stderr.startswith("PASS: ")


def test_the_page(data: Path) -> None:
    page = data / "verdict.html"
    checked(data, data / "reference.parquet", data / "moved.parquet", "--html", page)
    text = page.read_text("utf-8")
    assert "columns failed" in text
    assert "<svg" in text
    assert "http://" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", text)


def test_limits_of_a_policy_and_of_the_command_line(data: Path) -> None:
    policy = data / "flight-delay.yaml"
    text = (ROOT / "policies/flight-delay.yaml").read_text("utf-8")
    policy.write_text(re.sub(r"    features:\n(?:      - \w+\n)+", "    features: [k]\n", text), "utf-8")
    pair = (data / "reference.parquet", data / "moved.parquet", "--policy", policy)
    code, document = checked(data, *pair)
    assert (code, [one["name"] for one in document["columns"]]) == (0, ["k"])
    assert (document["alpha"], document["min_effect"], document["min_rows"]) == (0.01, 0.1, 2000)
    code, document = checked(data, *pair, "--column", "x", "--min-effect", 0.9, "--min-rows", 5000)
    assert (code, [one["name"] for one in document["columns"]]) == (2, ["x"])
    assert (document["min_effect"], document["min_rows"]) == (0.9, 5000)


def test_false_alarms_of_a_policy_need_how_often_is_checked(data: Path) -> None:
    policy = data / "flight-delay.yaml"
    text = (ROOT / "policies/flight-delay.yaml").read_text("utf-8")
    text = text.replace("    alpha: 0.01\n", "    false_alarms: {at_most: 1, per: P180D}\n")
    policy.write_text(re.sub(r"    features:\n(?:      - \w+\n)+", "", text), "utf-8")
    pair = (data / "reference.parquet", data / "same.parquet", "--policy", policy)
    alpha = {every: checked(data, *pair, "--checked-every", every)[1]["alpha"] for every in ("P1D", "PT1H")}
    assert 0 < 24 * alpha["PT1H"] < 1.1 * alpha["P1D"] < 1 / 100
    assert checked(data, *pair, "--checked-every", "P1D", "--alpha", 0.02)[1]["alpha"] == 0.02
    done = drift("check", "--reference", pair[0], "--current", pair[1], "--policy", policy)
    assert "needs --checked-every" in done.stderr
    wrong = drift(
        "check", "--reference", "x", "--current", "y", "--policy", policy, "--checked-every", "daily"
    )
    assert wrong.exit_code == 3
    assert "--checked-every daily" in wrong.output


def test_roles_can_be_fixed(tmp_path: Path) -> None:
    source = stored(tmp_path / "t.parquet", pa.table({"a=b": [1, 2, 3], "n": [1, 2, 3]}))
    out = tmp_path / "t.profile"
    assert drift("profile", source, "-o", out, "--role", "a=b=number").exit_code == 0
    assert Profile.from_bytes(out.read_bytes()).roles() == {"a=b": "number", "n": "category"}
    assert drift("profile", source, "-o", out, "--column", "n").exit_code == 0
    assert list(Profile.from_bytes(out.read_bytes()).columns) == ["n"]


def days(seed: int, count: int, shift: float = 0.0) -> pa.Table:
    """Days whose means differ, as days do."""
    random = np.random.default_rng(seed)
    values = random.normal(np.repeat(random.normal(shift, 0.5, count), 500), 1)
    times = np.datetime64("2013-01-01") + np.repeat(np.arange(count), 500)
    return pa.table({"x": values, "day": times})


def test_days_that_differ_by_themselves_are_no_drift_where_the_days_are_known(tmp_path: Path) -> None:
    reference = stored(tmp_path / "reference.parquet", days(1, 40))
    odd_day = stored(tmp_path / "day.parquet", days(7, 1, shift=0.4))
    far_day = stored(tmp_path / "far.parquet", days(7, 1, shift=4.0))
    more = ("--column", "x", "--min-rows", 100)
    code, document = checked(tmp_path, reference, odd_day, *more)
    assert code == 1
    assert "independent" in document["calibration"]
    code, document = checked(tmp_path, reference, odd_day, *more, "--time-column", "day")
    assert code == 0
    assert "40" in document["calibration"]
    assert checked(tmp_path, reference, far_day, *more, "--time-column", "day")[0] == 1
    kept = tmp_path / "reference.profile"
    assert drift("profile", reference, "-o", kept, "--time-column", "day").exit_code == 0
    assert checked(tmp_path, kept, odd_day, *more)[0] == 0
    assert checked(tmp_path, kept, far_day, *more)[0] == 1


ODD = {
    "all null": pa.nulls(ROWS, pa.float64()),
    "nothing": pa.nulls(ROWS),
    "constant": pa.array(["x"] * ROWS),
    "infinite": pa.array(([1.0, float("inf"), float("-inf"), float("nan"), None] * ROWS)[:ROWS]),
    "nested": pa.array([{"a": 1}] * ROWS),
    "far dates": pa.array([-(2**62), 2**62] * (ROWS // 2), pa.timestamp("us")),
    "with.dot": pa.array(range(ROWS)),
    "ünï [bold] 名": pa.array([True, False, None] * (ROWS // 3)),
    "vanished": pa.array(range(ROWS)),
    "type": pa.array(range(ROWS)),
    "new values": pa.array(["a"] * ROWS),
}


def test_odd_columns_each_have_their_status(tmp_path: Path) -> None:
    reference = stored(tmp_path / "reference.parquet", pa.table(ODD))
    changed = {name: values for name, values in ODD.items() if name != "vanished"}
    changed |= {"type": pa.array(map(str, range(ROWS))), "new values": pa.array(["b"] * ROWS)}
    current = stored(tmp_path / "current.parquet", pa.table({**changed, "new": pa.array(range(ROWS))}))
    code, document = checked(tmp_path, reference, current, "--html", tmp_path / "page.html")
    assert code == 1
    found = {one["name"]: one["verdict"] for one in document["columns"]}
    failed = {"vanished", "type", "new values"}
    assert found == {name: "fail" if name in failed else "pass" for name in (*ODD, "new")}
    assert all(one["reason"] for one in document["columns"])


@pytest.mark.parametrize("rows", [0, 1])
def test_hardly_any_rows_are_inconclusive(tmp_path: Path, rows: int) -> None:
    source = stored(tmp_path / "t.parquet", pa.table(ODD).slice(0, rows))
    code, document = checked(tmp_path, source, source)
    assert (code, document["verdict"]) == (2, "inconclusive")
    assert "at least 2000 are needed" in document["reason"]


def test_no_columns_at_all_are_inconclusive(tmp_path: Path) -> None:
    source = stored(tmp_path / "t.parquet", pa.table({}))
    assert checked(tmp_path, source, source, "--min-rows", 0)[0] == 2


def test_very_many_columns_are_not_all_printed(tmp_path: Path) -> None:
    source = tmp_path / "t.csv"
    names = [f"c{n}" for n in range(300)]
    source.write_text(",".join(names) + "\n" + ",".join("1" * 300) + "\n")
    done = drift("check", "--reference", source, "--current", source, "--min-rows", 0)
    assert "and 260 columns with less to say" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "--reference", "{data}/absent", "--current", "{data}/same.parquet"], "No such file"),
        (["check", "--reference", "{data}/same.parquet", "--current", "{data}/cut.csv"], "line 3"),
        (["check", "--reference", "{data}/cut.profile", "--current", "{data}/same.parquet"], "cut off"),
        (["check", "--reference", "{data}/same.parquet", "--current", "{data}/same.parquet", "--alpha", "2"],
         "probability"),
        (["check", "--reference", "x", "--current", "y", "--json", "{data}/absent/x"], "there is no folder"),
        (["check", "--reference", "x", "--current", "y", "--policy", "{data}/absent.yaml"], "No such file"),
        (["check", "--reference", "x", "--current", "y", "--policy", "{data}/wrong.yaml"], "wrong.yaml:1:"),
        (["check", "--refrence", "x"], "No such option"),
        (["check", "--reference", "x", "--current", "y", "--min-rows", "many"], "--min-rows"),
        (["profile", "{data}/same.parquet", "-o", "{data}/p", "--time-column", "t"], "same.parquet: blocks by day"),
        (["profile", "{data}/same.parquet", "-o", "{data}/p", "--time-column", "x", "--every", "hour"],
         "not a date"),
        (["nothing"], "No such command"),
        (["profile", "{data}/same.parquet", "-o", "{data}"], "Is a directory"),
        (["profile", "{data}/same.parquet", "-o", "{data}/p", "--role", "x"], "NAME=ROLE"),
        (["profile", "{data}/same.parquet", "-o", "{data}/p", "--role", "x=colour"], "none of number"),
    ],
)  # fmt: skip
def test_what_is_wrong_ends_with_3_and_says_so(data: Path, arguments: list[str], said: str) -> None:
    (data / "cut.csv").write_text("a,b\n1,2\n3\n")
    (data / "cut.profile").write_bytes(Profile().to_bytes()[:-3])
    (data / "wrong.yaml").write_text("name: wrong\n")
    done = drift(*(argument.replace("{data}", str(data)) for argument in arguments))
    assert done.exit_code == 3, done.output
    assert said in done.output
    assert "Traceback" not in done.output


def test_a_crash_is_not_taken_for_drift(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("drift.verdict.check", crash)
    source = data / "same.parquet"
    assert drift("check", "--reference", source, "--current", source).exit_code == 3


def test_a_check_loads_nothing_heavy(data: Path) -> None:
    """Where pandas is merely installed, pyarrow loads it on some calls."""
    (data / "now.csv").write_text("x,k\n" + "0.5,a\n1,b\n" * ROWS)
    code = (
        "import sys\nfrom cli.main import main\n"
        f"sys.argv = ['homeostat', 'drift', 'check', '--reference', {str(data / 'reference.parquet')!r},"
        f" '--current', {str(data / 'now.csv')!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 1, end.code\n"
        "heavy = {'pandas', 'scipy', 'sklearn', 'azure', 'numpy.ma', 'rich.progress'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "import os, pyarrow\n"
        "assert 'ARROW_DEFAULT_MEMORY_POOL' not in os.environ\n"
        "assert sys.platform != 'linux' or pyarrow.default_memory_pool().backend_name == 'jemalloc'\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_columns_together(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for name, correlation in (("before", 0.9), ("after", 0.0)):
        x = rng.normal(size=3000)
        y = correlation * x + (1 - correlation**2) ** 0.5 * rng.normal(size=3000)
        pq.write_table(pa.table({"x": x, "y": y}), tmp_path / f"{name}.parquet")
    before, after, kept = (tmp_path / name for name in ("before.parquet", "after.parquet", "before.profile"))
    made = drift("profile", before, "-o", kept, "--multivariate")
    assert made.exit_code == 0, made.output
    for reference, flag in ((kept, []), (before, ["--multivariate"])):
        result = drift("check", "--reference", reference, "--current", after, "--json", "-", *flag)
        document = json.loads(result.stdout)
        jsonschema.validate(document, SCHEMA)
        assert document["verdict"] == "pass", "no column by itself changed"
        change = document["multivariate"]["correlation_change"]
        assert change["statistic"] > 0.8
        assert change["p_value"] < 1e-100
