// The app on Flex Consumption. Its settings hold no key: infra/checks compares them with what cloud/settings.py reads.
param location string
param tags object
param name string
param planName string
param subnetId string
param instanceMemoryMB int
param maximumInstances int
param alwaysReady int
param zoneRedundant bool
param identityId string
param identityClientId string
param storageName string
param blobUri string
param queueUri string
param tableUri string
param vaultUri string
param insightsConnection string
param logsId string
param logsCustomerId string
param workspaceName string
param topicEndpoint string
param entraAudience string
param approverGroups string
param purviewUrl string
param furtherWorkspaces string

var private = !empty(subnetId)
var settings = union(
  {
    AzureWebJobsStorage__accountName: storageName
    AzureWebJobsStorage__credential: 'managedidentity'
    AzureWebJobsStorage__clientId: identityClientId
    HomeostatStorage__blobServiceUri: blobUri
    HomeostatStorage__queueServiceUri: queueUri
    HomeostatStorage__tableServiceUri: tableUri
    HomeostatStorage__credential: 'managedidentity'
    HomeostatStorage__clientId: identityClientId
    APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnection
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'Authorization=AAD;ClientId=${identityClientId}'
    AZURE_CLIENT_ID: identityClientId
    HOMEOSTAT_SUBSCRIPTION_ID: subscription().subscriptionId
    HOMEOSTAT_RESOURCE_GROUP: resourceGroup().name
    HOMEOSTAT_WORKSPACE: workspaceName
    HOMEOSTAT_LOGS_WORKSPACE_ID: logsCustomerId
    HOMEOSTAT_TOPIC_ENDPOINT: topicEndpoint
    HOMEOSTAT_APPROVAL_KEY: '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/approval-key)'
    HOMEOSTAT_DRIFT_CHECK_SCHEDULE: '0 0 * * * *'
    HOMEOSTAT_RECONCILE_SCHEDULE: '0 */5 * * * *'
  },
  empty(entraAudience) ? {} : {
    HOMEOSTAT_ENTRA_AUTHORITY: '${environment().authentication.loginEndpoint}${subscription().tenantId}'
    HOMEOSTAT_ENTRA_AUDIENCE: entraAudience
  },
  empty(approverGroups) ? {} : {
    HOMEOSTAT_GROUPS: approverGroups
  },
  empty(purviewUrl) ? {} : {
    HOMEOSTAT_PURVIEW_URL: purviewUrl
  },
  empty(furtherWorkspaces) ? {} : {
    HOMEOSTAT_WORKSPACES: furtherWorkspaces
  }
)

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

resource app 'Microsoft.Web/sites@2024-11-01' = {
  name: name
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: 'Enabled'
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: private ? subnetId : null
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${blobUri}deployments'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: '3.13'
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstances
        alwaysReady: alwaysReady == 0 ? [] : [
          {
            name: 'http'
            instanceCount: alwaysReady
          }
        ]
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      http20Enabled: true
      ftpsState: 'Disabled'
      ipSecurityRestrictionsDefaultAction: private ? 'Deny' : 'Allow'
      // people reach the approval page through the network; Event Grid and Azure Monitor by their service tags
      ipSecurityRestrictions: private ? [
        {
          name: 'event-grid'
          priority: 100
          action: 'Allow'
          tag: 'ServiceTag'
          ipAddress: 'AzureEventGrid'
        }
        {
          name: 'action-groups'
          priority: 110
          action: 'Allow'
          tag: 'ServiceTag'
          ipAddress: 'ActionGroup'
        }
      ] : []
    }
  }
}

resource appSettings 'Microsoft.Web/sites/config@2024-11-01' = {
  parent: app
  name: 'appsettings'
  properties: settings
}

resource noBasicDeployment 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: app
  name: 'scm'
  properties: {
    allow: false
  }
}

resource noFtp 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: app
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: app
  properties: {
    workspaceId: logsId
    logs: [
      {
        category: 'FunctionAppLogs'
        enabled: true
      }
    ]
  }
}

output name string = app.name
output url string = 'https://${app.properties.defaultHostName}'
