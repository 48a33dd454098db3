"""The tables of online endpoints, with Azure's columns and types, and what Azure calls DuckDB's types."""

from __future__ import annotations

WORKSPACE_ID = "00000000-0000-0000-0000-000000000003"
"""Of the Log Analytics workspace; its rows name it as their TenantId."""

TRAFFIC = "AmlOnlineEndpointTrafficLog"
CONSOLE = "AmlOnlineEndpointConsoleLog"
EVENTS = "AmlOnlineEndpointEventLog"

_FIRST = {"TenantId": "VARCHAR", "TimeGenerated": "TIMESTAMP", "OperationName": "VARCHAR"}
_LAST = {
    "SourceSystem": "VARCHAR",
    "Type": "VARCHAR",
    "_ResourceId": "VARCHAR",
    "_SubscriptionId": "VARCHAR",
    "_IsBillable": "VARCHAR",
    "_BilledSize": "DOUBLE",
}

TABLES: dict[str, dict[str, str]] = {
    TRAFFIC: {
        **_FIRST,
        "Method": "VARCHAR",
        "Path": "VARCHAR",
        "Location": "VARCHAR",
        "AzureMLWorkspaceId": "VARCHAR",
        "AzureMLWorkspaceName": "VARCHAR",
        "EndpointName": "VARCHAR",
        "DeploymentName": "VARCHAR",
        "Protocol": "VARCHAR",
        "AuthType": "VARCHAR",
        "IdentityData": "VARCHAR",
        "ResponseCode": "INTEGER",
        "ResponseCodeReason": "VARCHAR",
        "ModelStatusCode": "INTEGER",
        "ModelStatusReason": "VARCHAR",
        "RequestPayloadSize": "INTEGER",
        "ResponsePayloadSize": "INTEGER",
        "UserAgent": "VARCHAR",
        "XRequestId": "VARCHAR",
        "XMSClientRequestId": "VARCHAR",
        "TotalDurationMs": "INTEGER",
        "RequestDurationMs": "INTEGER",
        "ResponseDurationMs": "INTEGER",
        "RequestThrottlingDelayMs": "INTEGER",
        "ResponseThrottlingDelayMs": "INTEGER",
        **_LAST,
    },
    CONSOLE: {
        **_FIRST,
        "DeploymentName": "VARCHAR",
        "InstanceId": "VARCHAR",
        "ContainerName": "VARCHAR",
        "ContainerImageName": "VARCHAR",
        "Message": "VARCHAR",
        **_LAST,
    },
    EVENTS: {
        **_FIRST,
        "DeploymentName": "VARCHAR",
        "InstanceId": "VARCHAR",
        "Name": "VARCHAR",
        "Message": "VARCHAR",
        **_LAST,
    },
}
"""Table to its columns, each with DuckDB's type. `TimeGenerated` is UTC."""


def azure_type(duckdb_type: str) -> str:
    """What the query API calls a column of that type."""
    if duckdb_type.startswith("DECIMAL"):
        return "decimal"
    return _AZURE.get(duckdb_type, "dynamic")


_AZURE = {
    "BOOLEAN": "bool",
    "TINYINT": "int",
    "SMALLINT": "int",
    "INTEGER": "int",
    "UTINYINT": "int",
    "USMALLINT": "int",
    "UINTEGER": "long",
    "BIGINT": "long",
    "UBIGINT": "long",
    "HUGEINT": "long",
    "FLOAT": "real",
    "DOUBLE": "real",
    "VARCHAR": "string",
    "UUID": "guid",
    "INTERVAL": "timespan",
    "DATE": "datetime",
    "TIMESTAMP": "datetime",
    "TIMESTAMP WITH TIME ZONE": "datetime",
}
