// A storage account without shared keys, with its containers, queues and tables.
param location string
param tags object

@minLength(3)
@maxLength(24)
param name string
param replication string
param containers array
param queues array
param tables array
param logsId string
param publicAccess bool
@description('Encrypt with the key at keyUri, not with one of Microsoft.')
param customerKeys bool
param keyUri string
param keysIdentityId string
@description('Who keeps the Functions host and the app here: blobs, queues and tables.')
param hostPrincipalIds array
@description('Who reads and writes blobs.')
param dataPrincipalIds array

var roles = loadJsonContent('../roles.json')
var hostRoles = [
  roles.storageBlobDataOwner
  roles.storageQueueDataContributor
  roles.storageTableDataContributor
]

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: replication
  }
  identity: !customerKeys ? null : {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${keysIdentityId}': {}
    }
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    // never 'Disabled': Event Grid brings dead letters as a trusted service
    publicNetworkAccess: 'Enabled'
    supportsHttpsTrafficOnly: true
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: publicAccess ? 'Allow' : 'Deny'
    }
    encryption: !customerKeys ? null : {
      keySource: 'Microsoft.Keyvault'
      identity: {
        userAssignedIdentity: keysIdentityId
      }
      keyvaultproperties: {
        keyname: 'storage'
        keyvaulturi: split(keyUri, '/keys/')[0]
      }
      services: {
        blob: {
          enabled: true
          keyType: 'Account'
        }
        file: {
          enabled: true
          keyType: 'Account'
        }
      }
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' = {
  parent: account
  name: 'default'
  properties: {
    deleteRetentionPolicy: {
      enabled: true
      days: 7
    }
    containerDeleteRetentionPolicy: {
      enabled: true
      days: 7
    }
  }
}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' = [for one in containers: {
  parent: blobs
  name: one
  properties: {
    publicAccess: 'None'
  }
}]

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2025-01-01' = {
  parent: account
  name: 'default'
}

resource queue 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-01-01' = [for one in queues: {
  parent: queueService
  name: one
}]

resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2025-01-01' = {
  parent: account
  name: 'default'
}

resource table 'Microsoft.Storage/storageAccounts/tableServices/tables@2025-01-01' = [for one in tables: {
  parent: tableService
  name: one
}]

resource hostAssignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for role in empty(hostPrincipalIds) ? [] : hostRoles: {
  name: guid(account.id, 'host', role)
  scope: account
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
    principalId: hostPrincipalIds[0]
    principalType: 'ServicePrincipal'
  }
}]

resource dataAssignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (principal, i) in dataPrincipalIds: {
  name: guid(account.id, 'data', string(i), roles.storageBlobDataContributor)
  scope: account
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDataContributor)
    principalId: principal
    principalType: 'ServicePrincipal'
  }
}]

resource blobDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: blobs
  properties: {
    workspaceId: logsId
    logs: [
      {
        category: 'StorageDelete'
        enabled: true
      }
    ]
  }
}

resource queueDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (!empty(queues)) {
  name: 'logs'
  scope: queueService
  properties: {
    workspaceId: logsId
    logs: [
      {
        category: 'StorageWrite'
        enabled: true
      }
    ]
  }
}

output id string = account.id
output name string = account.name
output blobUri string = account.properties.primaryEndpoints.blob
output queueUri string = account.properties.primaryEndpoints.queue
output tableUri string = account.properties.primaryEndpoints.table
