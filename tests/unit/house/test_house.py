"""What the house promises in its files: settings, events and effects are documented, manifests are valid."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import jsonschema
import pytest

from control.effects import Effect
from control.events import READERS
from control.lineage_types import TYPES

ROOT = Path(__file__).resolve().parents[3]
SPECS = ROOT.parent / "shared" / "specs" / "functions"


def text(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


def test_every_setting_that_the_code_names_is_documented() -> None:
    named = set()
    for folder in ("cloud", "handlers"):
        for file in (ROOT / folder).rglob("*.py"):
            named |= set(re.findall(r"\b(?:HOMEOSTAT_[A-Z_]+|AZURE_CLIENT_ID)\b", file.read_text("utf-8")))
    named |= set(re.findall(r"%(\w+)%", text("function_app.py")))
    assert named
    page = text("docs/settings.md")
    assert [name for name in sorted(named) if f"`{name}`" not in page] == []


def test_every_function_and_effect_is_documented() -> None:
    page = text("docs/events.md")
    assert [name for name in READERS if f"`{name}`" not in page] == []
    assert [effect.__name__ for effect in get_args(Effect) if f"`{effect.__name__}`" not in page] == []


def test_every_audit_name_that_the_code_writes_is_documented() -> None:
    written = set()
    for folder in ("control", "handlers"):
        for file in (ROOT / folder).rglob("*.py"):
            body = file.read_text("utf-8")
            written |= set(re.findall(r'\bdecided\(\s*now,\s*"([^"]+)"', body))
            written |= set(re.findall(r'kind="(?:event|evidence)",\s*name="([^"]+)"', body))
    assert len(written) > 10
    page = text("docs/events.md")
    assert [name for name in sorted(written) if f"`{name}`" not in page] == []


def test_every_type_and_attribute_of_lineage_is_documented() -> None:
    rows = dict(re.findall(r"^\| `(homeostat_\w+)` \| (?:DataSet|Process) \| (.+) \|$", text("docs/lineage.md"), re.MULTILINE))  # fmt: skip
    (common,) = re.findall(r"^\| every type \| \| (.+) \|$", text("docs/lineage.md"), re.MULTILINE)
    told = {name: set(re.findall(r"`(\w+)`", row + common)) for name, row in rows.items()}
    assert told == {made.name: set(made.attributes) for made in TYPES.values()}


@pytest.mark.parametrize(
    ("file", "schema"),
    [("host.json", "host.schema.json"), ("local.settings.json.sample", "local.settings.schema.json")],
)
def test_manifests_are_valid(file: str, schema: str) -> None:
    if not SPECS.is_dir():
        pytest.skip("the schemas (../shared/specs) are not beside this repository")
    rules = json.loads((SPECS / schema).read_text("utf-8"))
    jsonschema.Draft7Validator(rules).validate(json.loads(text(file)))


def test_the_deployed_app_needs_no_pandas_and_pins_everything() -> None:
    lines = text("requirements.txt").splitlines()
    assert all("==" in line for line in lines)
    assert not [line for line in lines if line.startswith(("pandas", "aiohttp==", "typer", "rich"))]


def test_links_in_the_documents_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8")):
            assert target.startswith("http") or (page.parent / target).exists(), f"{page.name}: {target}"
