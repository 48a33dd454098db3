"""A candidate's checks as JUnit XML, a test case each: inconclusive is an error, fail a failure."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, however they are written."""


def render(data: dict[str, Any]) -> str:
    """The checks of `model_test.data` as build servers read them."""
    checks = data["checks"]
    counts = {
        "tests": str(len(checks)),
        "failures": str(sum(check["verdict"] == "fail" for check in checks)),
        "errors": str(sum(check["verdict"] == "inconclusive" for check in checks)),
        "skipped": "0",
        "time": "0",
    }
    top = ET.Element("testsuites", {"name": _text(f"{data['model']} gate"), **counts})
    suite = ET.SubElement(
        top, "testsuite", {"name": _text(data["model"]), "timestamp": data["judged_at"], **counts}
    )
    properties = ET.SubElement(suite, "properties")
    for name in ("job", "version", "champion", "evidence", "policy", "verdict"):
        ET.SubElement(properties, "property", {"name": name, "value": _text(data[name] or "")})
    for check in checks:
        group, _, _ = check["name"].partition(" ")
        place = {"classname": _text(f"{data['model']}.{group}"), "name": _text(check["name"]), "time": "0"}
        case = ET.SubElement(suite, "testcase", place)
        reason = _text(check["reason"])
        if check["verdict"] == "pass":
            ET.SubElement(case, "system-out").text = reason
        else:
            kind = "failure" if check["verdict"] == "fail" else "error"
            ET.SubElement(case, kind, {"message": reason, "type": check["verdict"]}).text = reason
    ET.indent(top)
    return f"{_DECLARATION}{ET.tostring(top, encoding='unicode')}\n"


def _text(value: object) -> str:
    return _FORBIDDEN.sub("\ufffd", str(value))
