// Azure Machine Learning: the workspace, its vault, what trains and what serves.
param location string
param tags object
param name string

@minLength(3)
@maxLength(24)
param vaultName string
param storageId string
param storageName string
param insightsId string
param registryId string
param logsId string
param publicAccess bool
param purgeProtection bool
param clusterSize string
param clusterNodes int
param endpointNames array
param kubernetesClusterId string
param jobsIdentityId string
param endpointIdentityId string
param appPrincipalId string
param endpointPrincipalId string

var roles = loadJsonContent('../roles.json')

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' = {
  name: vaultName
  location: location
  tags: tags
  properties: {
    tenantId: subscription().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    enablePurgeProtection: purgeProtection ? true : null
    publicNetworkAccess: publicAccess ? 'Enabled' : 'Disabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: publicAccess ? 'Allow' : 'Deny'
    }
  }
}

resource workspace 'Microsoft.MachineLearningServices/workspaces@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'Default'
  sku: {
    name: 'Basic'
    tier: 'Basic'
  }
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    friendlyName: name
    storageAccount: storageId
    keyVault: vault.id
    applicationInsights: insightsId
    containerRegistry: registryId
    systemDatastoresAuthMode: 'Identity'
    publicNetworkAccess: publicAccess ? 'Enabled' : 'Disabled'
    managedNetwork: publicAccess ? null : {
      isolationMode: 'AllowInternetOutbound'
    }
    v1LegacyMode: false
  }
}

resource landing 'Microsoft.MachineLearningServices/workspaces/datastores@2025-06-01' = {
  parent: workspace
  name: 'landing'
  properties: {
    datastoreType: 'AzureBlob'
    accountName: storageName
    containerName: 'landing'
    credentials: {
      credentialsType: 'None'
    }
    serviceDataAccessAuthIdentity: 'WorkspaceSystemAssignedIdentity'
  }
}

resource cluster 'Microsoft.MachineLearningServices/workspaces/computes@2025-06-01' = {
  parent: workspace
  name: 'training'
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${jobsIdentityId}': {}
    }
  }
  properties: {
    computeType: 'AmlCompute'
    disableLocalAuth: true
    properties: {
      vmSize: clusterSize
      vmPriority: 'Dedicated'
      remoteLoginPortPublicAccess: 'Disabled'
      scaleSettings: {
        minNodeCount: 0
        maxNodeCount: clusterNodes
        nodeIdleTimeBeforeScaleDown: 'PT5M'
      }
    }
  }
}

resource kubernetes 'Microsoft.MachineLearningServices/workspaces/computes@2025-06-01' = if (!empty(kubernetesClusterId)) {
  parent: workspace
  name: 'kubernetes'
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${jobsIdentityId}': {}
    }
  }
  properties: {
    computeType: 'Kubernetes'
    disableLocalAuth: true
    resourceId: kubernetesClusterId
    properties: {
      namespace: 'homeostat'
      defaultInstanceType: 'defaultinstancetype'
    }
  }
}

resource endpoint 'Microsoft.MachineLearningServices/workspaces/onlineEndpoints@2025-06-01' = [for one in endpointNames: {
  parent: workspace
  name: one
  location: location
  tags: tags
  kind: 'Managed'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${endpointIdentityId}': {}
    }
  }
  properties: {
    authMode: 'Key'
    publicNetworkAccess: publicAccess ? 'Enabled' : 'Disabled'
  }
}]

resource endpointDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = [for (one, i) in endpointNames: {
  name: 'logs'
  scope: endpoint[i]
  properties: {
    workspaceId: logsId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      {
        category: 'AmlOnlineEndpointTrafficLog'
        enabled: true
      }
      {
        category: 'AmlOnlineEndpointConsoleLog'
        enabled: true
      }
      {
        category: 'AmlOnlineEndpointEventLog'
        enabled: true
      }
    ]
  }
}]

resource appUsesWorkspace 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(workspace.id, 'app', roles.azureMlDataScientist)
  scope: workspace
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.azureMlDataScientist)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource endpointWritesMetrics 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(workspace.id, 'endpoint', roles.azureMlMetricsWriter)
  scope: workspace
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.azureMlMetricsWriter)
    principalId: endpointPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource vaultDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: vault
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

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: workspace
  properties: {
    workspaceId: logsId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      {
        categoryGroup: 'audit'
        enabled: true
      }
    ]
  }
}

output id string = workspace.id
output name string = workspace.name
output vaultId string = vault.id
