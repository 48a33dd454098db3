// Everything that Homeostat needs in a subscription. What depends on the deployed functions (event subscriptions,
// alerts that call the app) is in after-deploy.bicep.
targetScope = 'subscription'

@description('Name of the azd environment: it names the resource group, and tags everything.')
@minLength(1)
@maxLength(40)
param environmentName string

@description('Region of everything.')
@minLength(1)
param location string

@description('Who deploys: may write the approval key into the vault. Empty: somebody else does.')
param principalId string = ''

@description('Sizes, redundancy and retention: stages.json.')
@allowed([
  'dev'
  'staging'
  'production'
])
param stage string = 'dev'

@description('Who is written to when the budget runs out. Empty: the owners of the resource group.')
param alertEmail string = ''

@description('Names of Entra groups that policies use: NAME=OBJECT-ID, separated by commas.')
param approverGroups string = ''

@description('Further Azure ML workspaces of the app: NAME=SUBSCRIPTION/RESOURCE-GROUP/WORKSPACE/LOG-ANALYTICS-WORKSPACE-ID, separated by commas. Each needs further-workspace.bicep.')
param furtherWorkspaces string = ''

@description('Client id or api://... of the app registration whose tokens the app takes. Empty: it takes none.')
param entraAudience string = ''

@description('Online endpoints that policies name in release.endpoint.')
param endpointNames array = [
  'flight-delay'
]

@description('Resource id of an AKS cluster with the Azure ML extension, to attach. Empty: none.')
param kubernetesClusterId string = ''

@description('A virtual network, private endpoints, and no public access to data.')
param withNetwork bool = false

@description('Resource ids of private DNS zones by name (blob, queue, table, file, vault, registry, workspace, notebooks, topic, purview). Empty: no records are made.')
param privateDnsZoneIds object = {}

@description('Encrypt storage and registry with a key of the vault.')
param withCustomerKeys bool = false

@description('A Data Factory whose pipelines the app may run.')
param withDataFactory bool = false

@description('A Purview account for lineage.')
param withPurview bool = false

@description('Only blobs whose subject begins so wake the app, for example /blobServices/default/containers/landing/.')
param dataPrefix string = ''

@description('Only blobs whose subject ends so wake the app, for example _SUCCESS.')
param dataSuffix string = ''

@description('First day of the budget: the first of a month.')
param budgetStart string = utcNow('yyyy-MM-01')

var abbrs = loadJsonContent('abbreviations.json')
var sizes = loadJsonContent('stages.json')[stage]
var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = {
  'azd-env-name': environmentName
  'homeostat-stage': stage
}

resource rg 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: '${abbrs.resourcesResourceGroups}${environmentName}'
  location: location
  tags: tags
}

module identities 'modules/identities.bicep' = {
  name: 'identities'
  scope: rg
  params: {
    location: location
    tags: tags
    prefix: abbrs.managedIdentityUserAssignedIdentities
    token: token
  }
}

module network 'modules/network.bicep' = if (withNetwork) {
  name: 'network'
  scope: rg
  params: {
    location: location
    tags: tags
    name: '${abbrs.networkVirtualNetworks}${token}'
    securityGroupName: '${abbrs.networkNetworkSecurityGroups}${token}'
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: rg
  params: {
    location: location
    tags: tags
    logsName: '${abbrs.operationalInsightsWorkspaces}${token}'
    insightsName: '${abbrs.insightsComponents}${token}'
    retentionDays: sizes.retentionDays
    appPrincipalId: identities.outputs.appPrincipalId
  }
}

module vault 'modules/app-vault.bicep' = {
  name: 'app-vault'
  scope: rg
  params: {
    location: location
    tags: tags
    name: '${abbrs.keyVaultVaults}${token}'
    logsId: monitoring.outputs.logsId
    purgeProtection: sizes.purgeProtection || withCustomerKeys
    publicAccess: !withNetwork
    appPrincipalId: identities.outputs.appPrincipalId
    keysPrincipalId: identities.outputs.keysPrincipalId
    deployerPrincipalId: principalId
    withCustomerKeys: withCustomerKeys
  }
}

module appStorage 'modules/storage.bicep' = {
  name: 'app-storage'
  scope: rg
  params: {
    location: location
    tags: tags
    name: '${abbrs.storageStorageAccounts}app${token}'
    replication: sizes.replication
    containers: [
      'deployments'
      'dead-letters'
    ]
    queues: [
      'work'
      'work-poison'
    ]
    tables: [
      'homeostat'
    ]
    logsId: monitoring.outputs.logsId
    publicAccess: !withNetwork
    customerKeys: withCustomerKeys
    keyUri: vault.outputs.keyUri
    keysIdentityId: identities.outputs.keysId
    hostPrincipalIds: [
      identities.outputs.appPrincipalId
    ]
    dataPrincipalIds: []
  }
}

module dataStorage 'modules/storage.bicep' = {
  name: 'data-storage'
  scope: rg
  params: {
    location: location
    tags: tags
    name: '${abbrs.storageStorageAccounts}ml${token}'
    replication: sizes.replication
    containers: [
      'landing'
    ]
    queues: []
    tables: []
    logsId: monitoring.outputs.logsId
    publicAccess: !withNetwork
    customerKeys: withCustomerKeys
    keyUri: vault.outputs.keyUri
    keysIdentityId: identities.outputs.keysId
    hostPrincipalIds: []
    dataPrincipalIds: [
      identities.outputs.appPrincipalId
      identities.outputs.jobsPrincipalId
      identities.outputs.endpointPrincipalId
    ]
  }
}

module registry 'modules/registry.bicep' = {
  name: 'registry'
  scope: rg
  params: {
    location: location
    tags: tags
    name: '${abbrs.containerRegistryRegistries}${token}'
    premium: withNetwork || withCustomerKeys
    publicAccess: !withNetwork
    logsId: monitoring.outputs.logsId
    customerKeys: withCustomerKeys
    keyUri: vault.outputs.keyUri
    keysIdentityId: identities.outputs.keysId
    keysClientId: identities.outputs.keysClientId
    pullPrincipalIds: [
      identities.outputs.jobsPrincipalId
      identities.outputs.endpointPrincipalId
    ]
  }
}

module workspace 'modules/workspace.bicep' = {
  name: 'workspace'
  scope: rg
  params: {
    location: location
    tags: tags
    name: '${abbrs.machineLearningServicesWorkspaces}${token}'
    vaultName: '${abbrs.keyVaultVaults}ml${token}'
    storageId: dataStorage.outputs.id
    storageName: dataStorage.outputs.name
    insightsId: monitoring.outputs.insightsId
    registryId: registry.outputs.id
    logsId: monitoring.outputs.logsId
    publicAccess: !withNetwork
    purgeProtection: sizes.purgeProtection
    clusterSize: sizes.clusterSize
    clusterNodes: sizes.clusterNodes
    endpointNames: endpointNames
    kubernetesClusterId: kubernetesClusterId
    jobsIdentityId: identities.outputs.jobsId
    endpointIdentityId: identities.outputs.endpointId
    appPrincipalId: identities.outputs.appPrincipalId
    endpointPrincipalId: identities.outputs.endpointPrincipalId
  }
}

module topics 'modules/topics.bicep' = {
  name: 'topics'
  scope: rg
  params: {
    location: location
    tags: tags
    topicName: '${abbrs.eventGridTopics}${token}'
    systemPrefix: '${abbrs.eventGridSystemTopics}${token}'
    dataStorageId: dataStorage.outputs.id
    workspaceId: workspace.outputs.id
    appStorageName: appStorage.outputs.name
    logsId: monitoring.outputs.logsId
    publicAccess: !withNetwork
    appPrincipalId: identities.outputs.appPrincipalId
  }
}

module app 'modules/function-app.bicep' = {
  name: 'function-app'
  scope: rg
  params: {
    location: location
    tags: union(tags, {
      'azd-service-name': 'app'
    })
    name: '${abbrs.webSitesFunctions}${token}'
    planName: '${abbrs.webServerFarms}${token}'
    subnetId: withNetwork ? network!.outputs.functionsSubnetId : ''
    instanceMemoryMB: sizes.instanceMemoryMB
    maximumInstances: sizes.maximumInstances
    alwaysReady: sizes.alwaysReady
    zoneRedundant: stage == 'production'
    identityId: identities.outputs.appId
    identityClientId: identities.outputs.appClientId
    storageName: appStorage.outputs.name
    blobUri: appStorage.outputs.blobUri
    queueUri: appStorage.outputs.queueUri
    tableUri: appStorage.outputs.tableUri
    vaultUri: vault.outputs.uri
    insightsConnection: monitoring.outputs.insightsConnection
    logsId: monitoring.outputs.logsId
    logsCustomerId: monitoring.outputs.logsCustomerId
    workspaceName: workspace.outputs.name
    topicEndpoint: topics.outputs.endpoint
    entraAudience: entraAudience
    approverGroups: approverGroups
    purviewUrl: withPurview ? purview!.outputs.url : ''
    furtherWorkspaces: furtherWorkspaces
  }
}

module endpoints 'modules/private-endpoints.bicep' = if (withNetwork) {
  name: 'private-endpoints'
  scope: rg
  params: {
    location: location
    tags: tags
    prefix: '${abbrs.networkPrivateEndpoints}${token}'
    subnetId: network!.outputs.endpointsSubnetId
    zoneIds: privateDnsZoneIds
    appStorageId: appStorage.outputs.id
    dataStorageId: dataStorage.outputs.id
    appVaultId: vault.outputs.id
    mlVaultId: workspace.outputs.vaultId
    registryId: registry.outputs.id
    workspaceId: workspace.outputs.id
    topicId: topics.outputs.id
    purviewId: withPurview ? purview!.outputs.id : ''
  }
}

module dataFactory 'modules/data-factory.bicep' = if (withDataFactory) {
  name: 'data-factory'
  scope: rg
  params: {
    location: location
    tags: tags
    name: '${abbrs.dataFactoryFactories}${token}'
    logsId: monitoring.outputs.logsId
    publicAccess: !withNetwork
    appPrincipalId: identities.outputs.appPrincipalId
  }
}

module purview 'modules/purview.bicep' = if (withPurview) {
  name: 'purview'
  scope: rg
  params: {
    location: location
    tags: tags
    name: '${abbrs.purviewAccounts}${token}'
    publicAccess: !withNetwork
  }
}

module budget 'modules/budget.bicep' = {
  name: 'budget'
  scope: rg
  params: {
    name: '${abbrs.consumptionBudgets}${token}'
    amount: sizes.budget
    start: budgetStart
    email: alertEmail
  }
}

output AZURE_LOCATION string = location
output AZURE_RESOURCE_GROUP string = rg.name
output AZURE_TENANT_ID string = tenant().tenantId
output HOMEOSTAT_ALERT_EMAIL string = alertEmail
output HOMEOSTAT_DATA_PREFIX string = dataPrefix
output HOMEOSTAT_DATA_SUFFIX string = dataSuffix
output HOMEOSTAT_FUNCTION_APP string = app.outputs.name
output HOMEOSTAT_APP_URL string = app.outputs.url
output HOMEOSTAT_VAULT string = vault.outputs.name
output HOMEOSTAT_WORKSPACE string = workspace.outputs.name
output HOMEOSTAT_LOGS string = monitoring.outputs.logsName
output HOMEOSTAT_APP_STORAGE string = appStorage.outputs.name
output HOMEOSTAT_STORAGE_TOPIC string = topics.outputs.storageTopicName
output HOMEOSTAT_WORKSPACE_TOPIC string = topics.outputs.workspaceTopicName
output HOMEOSTAT_TOPIC string = topics.outputs.name
