// A further Azure ML workspace for the app, which may be in another subscription: what the app may do there, and which of
// its events wake the app. Deployed by hand into the workspace's resource group (docs/workspaces.md), after the app.
targetScope = 'resourceGroup'

param location string = resourceGroup().location

@description('Name of the azd environment of the app.')
param environmentName string

@description('Name of the workspace in this resource group.')
param workspaceName string

@description('Name of its storage account in this resource group.')
param storageName string

@description('Name of the Log Analytics workspace in this resource group that its endpoints send their logs to.')
param logsName string

@description('Where the app is: its subscription, its resource group, and names in it.')
param appSubscriptionId string
param appResourceGroup string
param appName string
param appIdentityName string

@description('Only blobs whose subject begins so wake the app, for example /blobServices/default/containers/landing/.')
param dataPrefix string = ''

@description('Only blobs whose subject ends so wake the app, for example _SUCCESS.')
param dataSuffix string = ''

var roles = loadJsonContent('roles.json')
var abbrs = loadJsonContent('abbreviations.json')
var prefix = '${abbrs.eventGridSystemTopics}${workspaceName}'
var tags = {
  'azd-env-name': environmentName
}

resource functions 'Microsoft.Web/sites@2024-11-01' existing = {
  name: appName
  scope: resourceGroup(appSubscriptionId, appResourceGroup)
}

resource app 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = {
  name: appIdentityName
  scope: resourceGroup(appSubscriptionId, appResourceGroup)
}

resource workspace 'Microsoft.MachineLearningServices/workspaces@2025-06-01' existing = {
  name: workspaceName
}

resource storage 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: storageName
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' existing = {
  parent: storage
  name: 'default'
}

resource logs 'Microsoft.OperationalInsights/workspaces@2025-02-01' existing = {
  name: logsName
}

resource appUsesWorkspace 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(workspace.id, app.id, roles.azureMlDataScientist)
  scope: workspace
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.azureMlDataScientist)
    principalId: app.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource appUsesData 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(storage.id, app.id, roles.storageBlobDataContributor)
  scope: storage
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDataContributor)
    principalId: app.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource appReadsLogs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(logs.id, app.id, roles.logAnalyticsReader)
  scope: logs
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.logAnalyticsReader)
    principalId: app.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

// dead letters stay with the workspace: its topics need no role in the app's subscription
resource deadLetters 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' = {
  parent: blobs
  name: 'dead-letters'
  properties: {
    publicAccess: 'None'
  }
}

resource storageTopic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: '${prefix}-storage'
  location: location
  tags: tags
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    source: storage.id
    topicType: 'Microsoft.Storage.StorageAccounts'
  }
}

resource workspaceTopic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: '${prefix}-azureml'
  location: location
  tags: tags
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    source: workspace.id
    topicType: 'Microsoft.MachineLearningServices.Workspaces'
  }
}

resource storageTopicKeepsDeadLetters 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(deadLetters.id, 'storage', roles.storageBlobDataContributor)
  scope: deadLetters
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDataContributor)
    principalId: storageTopic.identity.principalId
    principalType: 'ServicePrincipal'
  }
}

resource workspaceTopicKeepsDeadLetters 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(deadLetters.id, 'azureml', roles.storageBlobDataContributor)
  scope: deadLetters
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDataContributor)
    principalId: workspaceTopic.identity.principalId
    principalType: 'ServicePrincipal'
  }
}

resource storageTopicDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: storageTopic
  properties: {
    workspaceId: logs.id
    logs: [
      {
        category: 'DeliveryFailures'
        enabled: true
      }
    ]
  }
}

resource workspaceTopicDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: workspaceTopic
  properties: {
    workspaceId: logs.id
    logs: [
      {
        category: 'DeliveryFailures'
        enabled: true
      }
    ]
  }
}

module subscriptions 'modules/workspace-subscriptions.bicep' = {
  name: 'workspace-subscriptions'
  params: {
    appId: functions.id
    deadLettersId: storage.id
    storageTopicName: storageTopic.name
    workspaceTopicName: workspaceTopic.name
    dataPrefix: dataPrefix
    dataSuffix: dataSuffix
  }
}
