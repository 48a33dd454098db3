"""Addresses of data: what each means, and that a token goes to nobody but Azure."""

import pytest

from cloud.connections import Connections
from cloud.data_address import BlobAddress, MLAddress, Workspace, address_of, is_address
from cloud.location import Location
from cloud.remote_source import _pattern, remote_files
from cloud.settings import SettingsError, read_data_settings
from control.errors import BadInput, Refused

WORKSPACE = Workspace("s-1", "group", "work")
PROVIDER = "providers/Microsoft.MachineLearningServices"
LONG = "azureml://subscriptions/s-1/resourcegroups/group/workspaces/work"


@pytest.mark.parametrize(
    ("source", "address"),
    [
        ("abfss://data@acc1.dfs.core.windows.net/a/b.csv", BlobAddress("acc1", "core.windows.net", "data", "a/b.csv")),
        ("abfs://data@acc1.dfs.core.windows.net", BlobAddress("acc1", "core.windows.net", "data", "")),
        ("wasbs://d-1@acc1.blob.core.windows.net/x%20y/", BlobAddress("acc1", "core.windows.net", "d-1", "x y/")),
        ("https://acc1.blob.core.windows.net/data/a/*.csv", BlobAddress("acc1", "core.windows.net", "data", "a/*.csv")),
        ("https://acc1.dfs.core.usgovcloudapi.net/data", BlobAddress("acc1", "core.usgovcloudapi.net", "data", "")),
        ("azureml://datastores/lake/paths/a/b", MLAddress(None, Location("lake", "a/b"))),
        (f"{LONG}/datastores/lake/paths/a/", MLAddress(WORKSPACE, Location("lake", "a/"))),
        ("azureml:rain:3", MLAddress(None, asset="rain", version="3")),
        ("azureml:rain@latest", MLAddress(None, asset="rain", label="latest")),
        (f"{LONG}/data/rain/versions/3", MLAddress(WORKSPACE, asset="rain", version="3")),
        (
            f"azureml:/subscriptions/s-1/resourceGroups/group/{PROVIDER}/workspaces/work/data/rain/versions/3",
            MLAddress(WORKSPACE, asset="rain", version="3"),
        ),
    ],
)  # fmt: skip
def test_what_an_address_means(source: str, address: BlobAddress | MLAddress) -> None:
    assert is_address(source)
    assert address_of(source) == address


@pytest.mark.parametrize(
    "source",
    [
        "abfss://data@evil.example/x",
        "abfss://data@acc1.dfs.core.windows.net.evil.example/x",
        "abfss://data@acc1.dfs.core.windows.net@evil.example/x",
        "wasbs://data@169.254.169.254/x",
        "wasbs://data@ACC_1.blob.core.windows.net/x",
        "https://evil.example/acc1.blob.core.windows.net/data",
        "https://acc1.blob.core.windows.net:444/data/x",
        "https://user@acc1.blob.core.windows.net/data/x",
        "https://acc1.blob.core.windows.net/data/x?sig=secret",
        "http://acc1.blob.core.windows.net/data/x",
        "https://acc1.blob.core.windows.net/",
        "s3://bucket/x",
        "https://169.254.169.254/data/x",
        "https://[::ffff:169.254.169.254]/data/x",
        "https://2852039166/data/x",
        "https://acc1.blob.core.windows.net./data/x",
        "https://acc1.blob.core.windows.net%2f.evil.example/data/x",
        "https://acc1%2eevil.blob.core.windows.net/data/x",
        "https://acc1.evil.blob.core.windows.net/data/x",
        "https://acc1.queue.core.windows.net/data/x",
        "https://user:pw@acc1.blob.core.windows.net/data/x",
        "https://acc1.blob.core.windows.net:443/data/x",
        "abfss://data:pw@acc1.dfs.core.windows.net/x",
        "abfss://data@acc1.dfs.core.windows.net:8443/x",
        "abfss://[::1/x",
        "azureml:rain",
        "azureml://datastores/lake",
        f"{LONG}/models/rain/versions/3",
    ],
)
def test_what_is_no_address_is_refused(source: str) -> None:
    with pytest.raises(BadInput) as caught:
        address_of(source)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("account", "suffix"),
    [
        ("acc1", "evil.example"),
        ("acc1", "core.windows.net.evil.example"),
        ("acc1", "core.windows.net@evil.example"),
        ("acc1", "core.windows.net/../x"),
        ("acc1", "core.windows.net\n"),
        ("acc1.evil", "core.windows.net"),
        ("evil.example/#", "core.windows.net"),
        ("evil.example?", "core.windows.net"),
        ("user:pw@acc1", "core.windows.net"),
        ("169.254.169.254", "core.windows.net"),
        ("", "core.windows.net"),
    ],
)
def test_a_datastore_that_lies_elsewhere_gets_no_token(account: str, suffix: str) -> None:
    """Whoever may write datastores of the workspace must not get the app's token by it."""
    connections = Connections(read_data_settings({}))
    with pytest.raises(Refused, match="no token is sent there"):
        connections.blob_service(account, suffix)
    assert connections.blob_service("acc1").url == "https://acc1.blob.core.windows.net/"
    assert (
        connections.blob_service("acc1", "core.usgovcloudapi.net").url
        == "https://acc1.blob.core.usgovcloudapi.net/"
    )


def test_a_workspace_that_nobody_named_is_asked_for() -> None:
    with pytest.raises(
        BadInput, match="HOMEOSTAT_RESOURCE_GROUP, HOMEOSTAT_WORKSPACE, or write azureml://sub"
    ):
        remote_files("azureml:rain:3", {"HOMEOSTAT_SUBSCRIPTION_ID": "s-1"})


def test_reading_data_takes_no_app() -> None:
    settings = read_data_settings({"HOMEOSTAT_WORKSPACE": "work"})
    assert (settings.workspace, settings.subscription, settings.storage.known) == ("work", "", False)
    with pytest.raises(SettingsError, match="AZUREML_URL"):
        read_data_settings({"HOMEOSTAT_AZUREML_URL": "https://evil.example"})


@pytest.mark.parametrize(
    ("glob", "yes", "no"),
    [
        ("*.csv", ["a.csv"], ["b/a.csv", "a.csv2", "acsv"]),
        ("**/*.csv", ["a.csv", "b/c/a.csv"], ["a.tsv"]),
        ("day=*/x?.csv", ["day=1/x1.csv"], ["day=1/2/x1.csv", "day=1/x12.csv"]),
        ("[!b]*/", [], ["b/x"]),
        ("[ab].csv", ["a.csv", "b.csv"], ["c.csv"]),
        ("2013-*", ["2013-01/a/b.csv", "2013-01"], ["2012-01"]),
        ("a+(b)*", ["a+(b)c"], ["aab"]),
    ],
)
def test_globs_over_blobs(glob: str, yes: list[str], no: list[str]) -> None:
    pattern = _pattern(glob)
    assert [path for path in yes if not pattern.match(path)] == []
    assert [path for path in no if pattern.match(path)] == []
