// The first alert rules. Each calls the app (common alert schema) and writes to people.
param location string
param tags object
param groupName string
param appName string
@secure()
param alertUrl string
param email string
param logsName string
param workspaceName string
param storageTopicName string
param workspaceTopicName string
param topicName string
param latencyMs int

var rules = [
  {
    name: 'endpoint-errors'
    description: 'More than 1 % of an endpoint\'s requests failed.'
    query: loadTextContent('../alerts/endpoint-errors.kql')
    severity: 1
    every: 'PT5M'
    window: 'PT15M'
    column: 'FailedPercent'
    operator: 'GreaterThan'
    threshold: 1
    dimensions: [
      'EndpointName'
      'DeploymentName'
    ]
  }
  {
    name: 'endpoint-latency'
    description: 'An endpoint answers too slowly: its p95.'
    query: loadTextContent('../alerts/endpoint-latency.kql')
    severity: 2
    every: 'PT5M'
    window: 'PT15M'
    column: 'LatencyMs'
    operator: 'GreaterThan'
    threshold: latencyMs
    dimensions: [
      'EndpointName'
      'DeploymentName'
    ]
  }
  {
    name: 'failed-functions'
    description: 'A function of the app failed.'
    query: loadTextContent('../alerts/failed-functions.kql')
    severity: 2
    every: 'PT15M'
    window: 'PT15M'
    column: 'Failed'
    operator: 'GreaterThan'
    threshold: 0
    dimensions: [
      'OperationName'
    ]
  }
  {
    name: 'poison-messages'
    description: 'A message failed five times: homeostat replay-poison sends it again.'
    query: loadTextContent('../alerts/poison-messages.kql')
    severity: 1
    every: 'PT15M'
    window: 'PT15M'
    column: 'Messages'
    operator: 'GreaterThan'
    threshold: 0
    dimensions: []
  }
  {
    name: 'no-drift-check'
    description: 'Drift was not checked for a day.'
    query: loadTextContent('../alerts/no-drift-check.kql')
    severity: 1
    every: 'PT1H'
    window: 'P1D'
    column: 'Checks'
    operator: 'LessThan'
    threshold: 1
    dimensions: []
  }
]

resource logs 'Microsoft.OperationalInsights/workspaces@2025-02-01' existing = {
  name: logsName
}

resource app 'Microsoft.Web/sites@2024-11-01' existing = {
  name: appName
}

resource workspace 'Microsoft.MachineLearningServices/workspaces@2025-06-01' existing = {
  name: workspaceName
}

resource storageTopic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: storageTopicName
}

resource workspaceTopic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: workspaceTopicName
}

resource topic 'Microsoft.EventGrid/topics@2025-02-15' existing = {
  name: topicName
}

resource group 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: groupName
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'homeostat'
    azureFunctionReceivers: [
      {
        name: 'app'
        functionAppResourceId: app.id
        functionName: 'alert'
        httpTriggerUrl: alertUrl
        useCommonAlertSchema: true
      }
    ]
    emailReceivers: empty(email) ? [] : [
      {
        name: 'people'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

resource rule 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for one in rules: {
  name: one.name
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: '${one.name} of ${workspace.name}'
    description: one.description
    severity: one.severity
    enabled: true
    autoMitigate: true
    skipQueryValidation: true // tables come with their first row
    scopes: [
      logs.id
    ]
    evaluationFrequency: one.every
    windowSize: one.window
    criteria: {
      allOf: [
        {
          query: one.query
          timeAggregation: 'Maximum'
          metricMeasureColumn: one.column
          operator: one.operator
          threshold: one.threshold
          dimensions: [for dimension in one.dimensions: {
            name: dimension
            operator: 'Include'
            values: [
              '*'
            ]
          }]
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: {
      actionGroups: [
        group.id
      ]
    }
  }
}]

resource deadLetters 'Microsoft.Insights/metricAlerts@2018-03-01' = [for one in [
  {
    name: 'storage'
    id: storageTopic.id
  }
  {
    name: 'azureml'
    id: workspaceTopic.id
  }
  {
    name: 'homeostat'
    id: topic.id
  }
]: {
  name: 'dead-letters-${one.name}'
  location: 'global'
  tags: tags
  properties: {
    description: 'An event could not be delivered: it lies in the container dead-letters.'
    severity: 1
    enabled: true
    autoMitigate: true
    scopes: [
      one.id
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'dead-letters'
          criterionType: 'StaticThresholdCriterion'
          metricName: 'DeadLetteredCount'
          timeAggregation: 'Total'
          operator: 'GreaterThan'
          threshold: 0
        }
      ]
    }
    actions: [
      {
        actionGroupId: group.id
      }
    ]
  }
}]
