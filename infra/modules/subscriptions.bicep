// Every event that wakes the app: those of its workspace and of its data storage, and its own.
param appName string
param appStorageName string
param storageTopicName string
param workspaceTopicName string
param topicName string
param dataPrefix string
param dataSuffix string

var retries = {
  maxDeliveryAttempts: 30
  eventTimeToLiveInMinutes: 1440
}
var deadLetters = {
  identity: {
    type: 'SystemAssigned'
  }
  deadLetterDestination: {
    endpointType: 'StorageBlob'
    properties: {
      resourceId: account.id
      blobContainerName: 'dead-letters'
    }
  }
}
resource account 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: appStorageName
}

resource app 'Microsoft.Web/sites@2024-11-01' existing = {
  name: appName
}

resource topic 'Microsoft.EventGrid/topics@2025-02-15' existing = {
  name: topicName
}

module workspace 'workspace-subscriptions.bicep' = {
  name: 'workspace-subscriptions'
  params: {
    appId: app.id
    deadLettersId: account.id
    storageTopicName: storageTopicName
    workspaceTopicName: workspaceTopicName
    dataPrefix: dataPrefix
    dataSuffix: dataSuffix
  }
}

resource drift 'Microsoft.EventGrid/topics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: 'drift'
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    destination: {
      endpointType: 'AzureFunction'
      properties: {
        resourceId: '${app.id}/functions/drift_alert'
        maxEventsPerBatch: 1
        preferredBatchSizeInKilobytes: 64
      }
    }
    filter: {
      enableAdvancedFilteringOnArrays: true
      includedEventTypes: [
        'Homeostat.DriftDetected'
      ]
      advancedFilters: []
    }
    retryPolicy: retries
    deadLetterWithResourceIdentity: deadLetters
  }
}
