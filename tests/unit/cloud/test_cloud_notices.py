"""A link stands in the log of local Azure alone."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from cloud.notices import LogNotices

LINK = "https://app.example/api/approval?token=v1.a.b"
POLICY: Any = SimpleNamespace(name="m")


@pytest.mark.parametrize("local", [True, False])
def test_a_link_in_the_log(caplog: pytest.LogCaptureFixture, *, local: bool) -> None:
    with caplog.at_level(logging.INFO):
        LogNotices(shows_links=local).ask(POLICY, "version 2 waits", LINK)
    assert "version 2 waits" in caplog.text
    assert (LINK in caplog.text) is local
    assert ("homeostat approve m --link" in caplog.text) is not local
