"""The test report of a candidate, read as anybody would: by the link in the audit entry."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

from flow_loop import Loop


def of(loop: Loop, judged: dict[str, Any]) -> dict[str, Any]:
    """The report on that judgement (an audit entry's detail), its page and its JUnit checked on the way."""
    store, _, folder = judged["report"].partition("/paths/")
    assert store == "azureml://datastores/workspaceblobstore"
    folder, _, page = folder.rpartition("/")
    files = loop.until("the report", lambda: _files(loop, folder), patience=60)
    assert page in files
    assert files[page].startswith(b"<!DOCTYPE html>")
    suite = ET.fromstring(files["junit.xml"].decode()).find("testsuite")
    assert suite is not None
    assert suite.get("tests") == str(len(judged["checks"]))
    report: dict[str, Any] = json.loads(files["report.json"])
    assert report["checks"] == judged["checks"]
    assert report["evidence"] == judged["evidence"]
    assert report["verdict"] == judged["verdict"]
    return report


def _files(loop: Loop, folder: str) -> dict[str, bytes]:
    """By name; nothing before the last one is written."""
    with loop.blobs() as client:
        for found in client.list_containers():
            container = client.get_container_client(found.name)
            names = [blob.name for blob in container.list_blobs(name_starts_with=folder + "/")]
            if f"{folder}/report.json" in names:
                return {name.rpartition("/")[2]: container.download_blob(name).readall() for name in names}
    return {}
