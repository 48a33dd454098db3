"""Who made a model version: Azure ML's word and the tag's, and nobody's where neither is there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cloud.models import version_of

TAG = {"homeostat.author": "jane@contoso.com"}


@pytest.mark.parametrize(
    ("tags", "kind", "by", "authors"),
    [
        ({}, "User", "Jane Doe", ("Jane Doe",)),
        (TAG, "User", "Jane Doe", ("jane@contoso.com", "Jane Doe")),
        (TAG, "ManagedIdentity", "1-2-3", ("jane@contoso.com",)),
        ({}, "ManagedIdentity", "1-2-3", ()),
        ({}, "Application", "1-2-3", ()),
        (TAG, None, None, ("jane@contoso.com",)),
        ({}, None, None, None),
        ({}, "User", None, None),
        ({}, "Key", "1-2-3", None),
    ],
)
def test_authors(tags: dict[str, str], kind: Any, by: Any, authors: Any) -> None:
    made = SimpleNamespace(created_by=by, created_by_type=kind)
    model = SimpleNamespace(version="1", path="p", tags=tags, creation_context=made)
    assert version_of(model).authors == authors


def test_a_version_without_a_history() -> None:
    assert (
        version_of(SimpleNamespace(version="1", path="p", tags=None, creation_context=None)).authors is None
    )
