// Images of environments. Azure ML builds and pushes them; jobs and endpoints pull.
param location string
param tags object
param name string
param premium bool
param publicAccess bool
param logsId string
param customerKeys bool
param keyUri string
param keysIdentityId string
param keysClientId string
param pullPrincipalIds array

var roles = loadJsonContent('../roles.json')

resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: premium ? 'Premium' : 'Basic'
  }
  identity: !customerKeys ? null : {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${keysIdentityId}': {}
    }
  }
  properties: {
    adminUserEnabled: false
    anonymousPullEnabled: premium ? false : null
    publicNetworkAccess: publicAccess ? 'Enabled' : 'Disabled'
    networkRuleBypassOptions: 'AzureServices'
    encryption: !customerKeys ? null : {
      status: 'enabled'
      keyVaultProperties: {
        identity: keysClientId
        keyIdentifier: keyUri
      }
    }
  }
}

resource pulls 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (principal, i) in pullPrincipalIds: {
  name: guid(registry.id, 'pull', string(i), roles.acrPull)
  scope: registry
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.acrPull)
    principalId: principal
    principalType: 'ServicePrincipal'
  }
}]

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: registry
  properties: {
    workspaceId: logsId
    logs: [
      {
        categoryGroup: 'audit'
        enabled: true
      }
    ]
  }
}

output id string = registry.id
