#!/bin/sh
# Event subscriptions and alerts: they need the functions to be there.
set -eu
: "${AZURE_RESOURCE_GROUP:?is an output of infra/main.bicep; run this through azd}"

# the host takes a while to know functions that were just deployed, and subscriptions ask for them
for attempt in 1 2 3 4 5 6 7 8 9 10; do
    az functionapp function show --resource-group "$AZURE_RESOURCE_GROUP" --name "$HOMEOSTAT_FUNCTION_APP" \
        --function-name drift_alert --output none && break
    if [ "$attempt" = 10 ]; then
        echo "The app $HOMEOSTAT_FUNCTION_APP has no function drift_alert: look at its log, and run: azd hooks run postdeploy" >&2
        exit 1
    fi
    sleep 15
done

umask 077
file=$(mktemp)
trap 'rm -f "$file"' EXIT
key=$(az functionapp keys list --resource-group "$AZURE_RESOURCE_GROUP" --name "$HOMEOSTAT_FUNCTION_APP" --query functionKeys.default --output tsv)
# in a file: a command line can be read by everybody on the machine
cat >"$file" <<END
{
  "\$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#",
  "contentVersion": "1.0.0.0",
  "parameters": {
    "environmentName": { "value": "$AZURE_ENV_NAME" },
    "appName": { "value": "$HOMEOSTAT_FUNCTION_APP" },
    "appStorageName": { "value": "$HOMEOSTAT_APP_STORAGE" },
    "storageTopicName": { "value": "$HOMEOSTAT_STORAGE_TOPIC" },
    "workspaceTopicName": { "value": "$HOMEOSTAT_WORKSPACE_TOPIC" },
    "topicName": { "value": "$HOMEOSTAT_TOPIC" },
    "workspaceName": { "value": "$HOMEOSTAT_WORKSPACE" },
    "logsName": { "value": "$HOMEOSTAT_LOGS" },
    "alertEmail": { "value": "${HOMEOSTAT_ALERT_EMAIL:-}" },
    "dataPrefix": { "value": "${HOMEOSTAT_DATA_PREFIX:-}" },
    "dataSuffix": { "value": "${HOMEOSTAT_DATA_SUFFIX:-}" },
    "alertUrl": { "value": "$HOMEOSTAT_APP_URL/api/alert?code=$key" }
  }
}
END
az deployment group create --resource-group "$AZURE_RESOURCE_GROUP" --name after-deploy \
    --template-file infra/after-deploy.bicep --parameters "@$file" --output none
echo "Event subscriptions and alerts are there."
