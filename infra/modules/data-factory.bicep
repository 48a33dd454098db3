// A Data Factory whose pipelines the app may run, and nothing else.
param location string
param tags object
param name string
param logsId string
param publicAccess bool
param appPrincipalId string

var here = resourceGroup().id

resource factory 'Microsoft.DataFactory/factories@2018-06-01' = {
  name: name
  location: location
  tags: tags
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    publicNetworkAccess: publicAccess ? 'Enabled' : 'Disabled'
  }
}

resource runsPipelines 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(here, 'homeostat-runs-pipelines')
  properties: {
    roleName: 'Homeostat runs pipelines of ${name}'
    description: 'Starts pipelines of a Data Factory and reads how far their runs are.'
    type: 'CustomRole'
    permissions: [
      {
        actions: [
          'Microsoft.DataFactory/factories/read'
          'Microsoft.DataFactory/factories/pipelines/read'
          'Microsoft.DataFactory/factories/pipelines/createRun/action'
          'Microsoft.DataFactory/factories/pipelineruns/read'
          'Microsoft.DataFactory/factories/pipelineruns/cancel/action'
        ]
      }
    ]
    assignableScopes: [
      here
    ]
  }
}

resource appRunsPipelines 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(factory.id, 'app', 'homeostat-runs-pipelines')
  scope: factory
  properties: {
    roleDefinitionId: runsPipelines.id
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: factory
  properties: {
    workspaceId: logsId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      {
        category: 'PipelineRuns'
        enabled: true
      }
    ]
  }
}
