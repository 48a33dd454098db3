"""Addresses in events are hostile until shown otherwise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.blob_url import path_below

AZURE = "https://acme.blob.core.windows.net/"
AZURITE = "http://127.0.0.1:10000/devstoreaccount1"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://acme.blob.core.windows.net/landing/flights/2013-01/a.parquet", "2013-01/a.parquet"),
        ("https://ACME.blob.core.windows.net/landing/flights/a", "a"),
        ("https://acme.dfs.core.windows.net/landing/flights/2013-01/a.parquet", "2013-01/a.parquet"),
        ("https://acme.blob.core.windows.net/landing/flights/a%20b/%C3%BC.parquet", "a b/ü.parquet"),
        ("https://acme.blob.core.windows.net/landing/flights/a b/ü", "a b/ü"),
        ("https://acme.blob.core.windows.net/landing/flights/100%25.parquet", "100%.parquet"),
    ],
)
def test_ours(url: str, path: str) -> None:
    assert path_below(url, AZURE, "landing", "flights/") == path


@pytest.mark.parametrize(
    "url",
    [
        "",
        "flights/a",
        "https://acme.blob.core.windows.net/landing/flights/",
        "https://acme.blob.core.windows.net/landing/flights",
        "https://acme.blob.core.windows.net/landing/flights2/a",
        "https://acme.blob.core.windows.net/landing/other/a",
        "https://acme.blob.core.windows.net/landing2/flights/a",
        "https://acme.blob.core.windows.net/Landing/flights/a",
        "https://acme2.blob.core.windows.net/landing/flights/a",
        "https://acme.blob.core.windows.net.evil.example/landing/flights/a",
        "https://evil.example/landing/flights/a",
        "https://evil.example/acme.blob.core.windows.net/landing/flights/a",
        "https://acme.blob.core.windows.net@evil.example/landing/flights/a",
        "https://evil@acme.blob.core.windows.net/landing/flights/a",
        "https://acme.blob.core.windows.net:8443/landing/flights/a",
        "https://evil.example#acme.blob.core.windows.net/landing/flights/a",
        "https://evil.example\\@acme.blob.core.windows.net/landing/flights/a",
        "http://acme.blob.core.windows.net/landing/flights/a",
        "file:///landing/flights/a",
        "//acme.blob.core.windows.net/landing/flights/a",
        "https://169.254.169.254/landing/flights/a",
        "http://169.254.169.254/metadata/identity/oauth2/token?resource=https://storage.azure.com",
        "https://2852039166/landing/flights/a",
        "https://[::ffff:169.254.169.254]/landing/flights/a",
        "https://metadata.azure.internal/landing/flights/a",
        "https://acme.blob.core.windows.net./landing/flights/a",
        "https://acme%2eblob.core.windows.net/landing/flights/a",
        "https://acme.blob.core.windows.net%2f@evil.example/landing/flights/a",
        "https://acme.blob.core.windows.net%00.evil.example/landing/flights/a",
        "https://user:password@acme.blob.core.windows.net/landing/flights/a",
        "https://:@acme.blob.core.windows.net/landing/flights/a",
        "https://acme.blob.core.windows.net:443/landing/flights/a",
        "https://acme.blob.core.windows.net:/landing/flights/a",
        "https://acm\u0435.blob.core.windows.net/landing/flights/a",
        "https://acme-secondary.blob.core.windows.net/landing/flights/a",
        "https://acme.privatelink.blob.core.windows.net/landing/flights/a",
        "https:acme.blob.core.windows.net/landing/flights/a",
        "https:///acme.blob.core.windows.net/landing/flights/a",
        "https://acme.blob.core.windows.net/%6canding/flights/a",
        "https://acme.blob.core.windows.net/landing%2fflights/a",
        "https://[::1]/landing/flights/a",
        "https://[::1/landing/flights/a",
        "https://acme.queue.core.windows.net/landing/flights/a",
        "https://acme.blob.core.windows.net/landing/flights/a?sig=x",
        "https://acme.blob.core.windows.net/landing/flights/a#b",
        "https://acme.blob.core.windows.net/landing/flights/../secret/a",
        "https://acme.blob.core.windows.net/landing/flights/%2e%2e/secret/a",
        "https://acme.blob.core.windows.net/landing/flights/%252e%252e/secret/a",
        "https://acme.blob.core.windows.net/landing/flights/%25252525252525252e./secret",
        "https://acme.blob.core.windows.net/landing/flights/..%2fsecret/a",
        "https://acme.blob.core.windows.net/landing/flights/..%5csecret/a",
        "https://acme.blob.core.windows.net/landing/flights/./a",
        "https://acme.blob.core.windows.net/landing/flights//a",
        "https://acme.blob.core.windows.net/landing//flights/a",
        "https://acme.blob.core.windows.net/x/../landing/flights/a",
        "https://acme.blob.core.windows.net/landing/flights/a%00.parquet",
        "https://acme.blob.core.windows.net/landing/flights/a%0d%0aHost:%20evil",
        "https://acme.blob.core.windows.net/landing/flights/a\n",
        " https://acme.blob.core.windows.net/landing/flights/a",
        "https://acme.blob.core.windows.net/landing/flights/" + "a" * 5000,
        "http://127.0.0.1:10000/devstoreaccount1/landing/flights/a",
    ],
)
def test_not_ours(url: str) -> None:
    assert path_below(url, AZURE, "landing", "flights/") is None


def test_azurites_path_style_is_ours_only_at_azurites_own_address() -> None:
    assert path_below(f"{AZURITE}/landing/flights/a", AZURITE, "landing", "flights/") == "a"
    for url in (
        "http://127.0.0.1:10001/devstoreaccount1/landing/flights/a",
        "http://127.0.0.1:10000/other/landing/flights/a",
        "http://127.0.0.1:10000/landing/flights/a",
        "http://localhost:10000/devstoreaccount1/landing/flights/a",
        "https://127.0.0.1:10000/devstoreaccount1/landing/flights/a",
    ):
        assert path_below(url, AZURITE, "landing", "flights/") is None


def test_without_a_prefix_the_whole_container_is_ours() -> None:
    assert path_below(f"{AZURE}landing/a/b", AZURE, "landing", "") == "a/b"


@given(tail=st.text(max_size=40))
def test_nothing_leaves_the_prefix(tail: str) -> None:
    path = path_below(f"{AZURE}landing/flights/{tail}", AZURE, "landing", "flights/")
    assert path is None or (path and ".." not in path.split("/") and not path.startswith("/"))
