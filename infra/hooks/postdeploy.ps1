# Event subscriptions and alerts: they need the functions to be there.
$ErrorActionPreference = 'Stop'
if (-not $env:AZURE_RESOURCE_GROUP) { throw 'AZURE_RESOURCE_GROUP is an output of infra/main.bicep; run this through azd' }

# the host takes a while to know functions that were just deployed, and subscriptions ask for them
foreach ($attempt in 1..10) {
    az functionapp function show --resource-group $env:AZURE_RESOURCE_GROUP --name $env:HOMEOSTAT_FUNCTION_APP --function-name drift_alert --output none
    if ($LASTEXITCODE -eq 0) { break }
    if ($attempt -eq 10) {
        throw "The app $env:HOMEOSTAT_FUNCTION_APP has no function drift_alert: look at its log, and run: azd hooks run postdeploy"
    }
    Start-Sleep -Seconds 15
}

$key = az functionapp keys list --resource-group $env:AZURE_RESOURCE_GROUP --name $env:HOMEOSTAT_FUNCTION_APP --query functionKeys.default --output tsv
if ($LASTEXITCODE -ne 0) { throw 'The app''s key could not be read.' }
$given = @{
    environmentName    = $env:AZURE_ENV_NAME
    appName            = $env:HOMEOSTAT_FUNCTION_APP
    appStorageName     = $env:HOMEOSTAT_APP_STORAGE
    storageTopicName   = $env:HOMEOSTAT_STORAGE_TOPIC
    workspaceTopicName = $env:HOMEOSTAT_WORKSPACE_TOPIC
    topicName          = $env:HOMEOSTAT_TOPIC
    workspaceName      = $env:HOMEOSTAT_WORKSPACE
    logsName           = $env:HOMEOSTAT_LOGS
    alertEmail         = "$env:HOMEOSTAT_ALERT_EMAIL"
    dataPrefix         = "$env:HOMEOSTAT_DATA_PREFIX"
    dataSuffix         = "$env:HOMEOSTAT_DATA_SUFFIX"
    alertUrl           = "$env:HOMEOSTAT_APP_URL/api/alert?code=$key"
}
$parameters = @{}
foreach ($name in $given.Keys) { $parameters[$name] = @{ value = $given[$name] } }
$body = @{
    '$schema'      = 'https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#'
    contentVersion = '1.0.0.0'
    parameters     = $parameters
}
# in a file: a command line can be read by everybody on the machine
$file = New-TemporaryFile
try {
    [System.IO.File]::WriteAllText($file, ($body | ConvertTo-Json -Depth 5))
    az deployment group create --resource-group $env:AZURE_RESOURCE_GROUP --name after-deploy --template-file infra/after-deploy.bicep --parameters "@$file" --output none
    if ($LASTEXITCODE -ne 0) { throw 'Event subscriptions and alerts could not be made.' }
    Write-Host 'Event subscriptions and alerts are there.'
}
finally { Remove-Item $file }
