"""Azure ML's control plane and its compute on one machine: ARM REST in front, subprocesses behind."""

from local.azureml.names import RESOURCE_GROUP, SUBSCRIPTION, WORKSPACE, WORKSPACE_ID, Home
from local.azureml.service import AzureML

__all__ = ["RESOURCE_GROUP", "SUBSCRIPTION", "WORKSPACE", "WORKSPACE_ID", "AzureML", "Home"]
