"""Building the services costs nothing: no heavy import, no client, no request."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import json, sys
from cloud.services import build
from cloud.settings import read_settings
build(read_settings({
    "HomeostatStorage__blobServiceUri": "https://a.blob.core.windows.net",
    "HomeostatStorage__queueServiceUri": "https://a.queue.core.windows.net",
    "HomeostatStorage__tableServiceUri": "https://a.table.core.windows.net",
    "HOMEOSTAT_SUBSCRIPTION_ID": "s", "HOMEOSTAT_RESOURCE_GROUP": "g", "HOMEOSTAT_WORKSPACE": "w",
    "HOMEOSTAT_TOPIC_ENDPOINT": "https://t.eventgrid.azure.net/api/events",
    "HOMEOSTAT_PURVIEW_URL": "https://a.purview.azure.com",
}))
print(json.dumps(sorted(name for name in sys.modules if name.startswith(
    ("azure", "pyarrow", "numpy", "scipy", "yaml", "requests", "drift", "jsonschema")))))
"""


def test_building_imports_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(done.stdout) == []
