// Which events of a workspace and of its data storage wake which function. local/subscriptions.py says the same for local
// Azure; infra/checks compares them.
// Event Grid reaches a function with the function's own key, which it fetches itself: it offers no managed identity for
// functions. Dead letters go by the topic's identity.
@description('Resource id of the function app, wherever it is.')
param appId string

@description('Resource id of the storage account with the container dead-letters.')
param deadLettersId string
param storageTopicName string
param workspaceTopicName string
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
      resourceId: deadLettersId
      blobContainerName: 'dead-letters'
    }
  }
}
var workspaceWakes = [
  {
    name: 'job-finished'
    function: 'job_finished'
    types: [
      'Microsoft.MachineLearningServices.RunCompleted'
      'Microsoft.MachineLearningServices.RunStatusChanged'
    ]
    conditions: [
      {
        operatorType: 'StringBeginsWith'
        key: 'data.runId'
        values: [
          'rt-'
          'ev-'
          'pf-'
          'tr-'
        ]
      }
    ]
  }
  {
    name: 'monitor-breach'
    function: 'drift_alert'
    types: [
      'Microsoft.MachineLearningServices.RunStatusChanged'
    ]
    conditions: [
      {
        operatorType: 'IsNotNull'
        key: 'data.runTags.azureml_modelmonitor_threshold_breached'
      }
    ]
  }
  {
    name: 'dataset-drift'
    function: 'drift_alert'
    types: [
      'Microsoft.MachineLearningServices.DatasetDriftDetected'
    ]
    conditions: []
  }
  {
    name: 'model-registered'
    function: 'model_registered'
    types: [
      'Microsoft.MachineLearningServices.ModelRegistered'
    ]
    conditions: []
  }
  {
    name: 'model-deployed'
    function: 'model_deployed'
    types: [
      'Microsoft.MachineLearningServices.ModelDeployed'
    ]
    conditions: []
  }
]

resource storageTopic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: storageTopicName
}

resource workspaceTopic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: workspaceTopicName
}

resource newData 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: storageTopic
  name: 'new-data'
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    destination: {
      endpointType: 'AzureFunction'
      properties: {
        resourceId: '${appId}/functions/new_data'
        maxEventsPerBatch: 1
        preferredBatchSizeInKilobytes: 64
      }
    }
    filter: {
      subjectBeginsWith: dataPrefix
      subjectEndsWith: dataSuffix
      isSubjectCaseSensitive: true
      enableAdvancedFilteringOnArrays: true
      includedEventTypes: [
        'Microsoft.Storage.BlobCreated'
      ]
      advancedFilters: [
        {
          operatorType: 'StringNotBeginsWith'
          key: 'subject'
          values: [
            '/blobServices/default/containers/code-'
          ]
        }
        {
          operatorType: 'StringNotIn'
          key: 'data.api'
          values: [
            'CreateFile'
          ]
        }
      ]
    }
    retryPolicy: retries
    deadLetterWithResourceIdentity: deadLetters
  }
}

resource workspaceEvents 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = [for one in workspaceWakes: {
  parent: workspaceTopic
  name: one.name
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    destination: {
      endpointType: 'AzureFunction'
      properties: {
        resourceId: '${appId}/functions/${one.function}'
        maxEventsPerBatch: 1
        preferredBatchSizeInKilobytes: 64
      }
    }
    filter: {
      enableAdvancedFilteringOnArrays: true
      includedEventTypes: one.types
      advancedFilters: one.conditions
    }
    retryPolicy: retries
    deadLetterWithResourceIdentity: deadLetters
  }
}]
