// A private endpoint for everything that holds data. Zones come from outside: they belong to the hub of a network.
param location string
param tags object
param prefix string
param subnetId string
param zoneIds object
param appStorageId string
param dataStorageId string
param appVaultId string
param mlVaultId string
param registryId string
param workspaceId string
param topicId string
param purviewId string

var always = [
  { name: 'app-blob', target: appStorageId, part: 'blob', zone: 'blob', zones: [ 'blob' ] }
  { name: 'app-queue', target: appStorageId, part: 'queue', zone: 'queue', zones: [ 'queue' ] }
  { name: 'app-table', target: appStorageId, part: 'table', zone: 'table', zones: [ 'table' ] }
  { name: 'data-blob', target: dataStorageId, part: 'blob', zone: 'blob', zones: [ 'blob' ] }
  { name: 'data-file', target: dataStorageId, part: 'file', zone: 'file', zones: [ 'file' ] }
  { name: 'app-vault', target: appVaultId, part: 'vault', zone: 'vault', zones: [ 'vault' ] }
  { name: 'ml-vault', target: mlVaultId, part: 'vault', zone: 'vault', zones: [ 'vault' ] }
  { name: 'registry', target: registryId, part: 'registry', zone: 'registry', zones: [ 'registry' ] }
  { name: 'workspace', target: workspaceId, part: 'amlworkspace', zone: 'workspace', zones: [ 'workspace', 'notebooks' ] }
  { name: 'topic', target: topicId, part: 'topic', zone: 'topic', zones: [ 'topic' ] }
]
var wanted = concat(always, empty(purviewId) ? [] : [
  { name: 'purview', target: purviewId, part: 'account', zone: 'purview', zones: [ 'purview' ] }
])

resource endpoints 'Microsoft.Network/privateEndpoints@2025-05-01' = [for one in wanted: {
  name: '${prefix}-${one.name}'
  location: location
  tags: tags
  properties: {
    subnet: {
      id: subnetId
    }
    privateLinkServiceConnections: [
      {
        name: one.name
        properties: {
          privateLinkServiceId: one.target
          groupIds: [
            one.part
          ]
        }
      }
    ]
  }
}]

resource records 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-05-01' = [for (one, i) in wanted: if (contains(zoneIds, one.zone)) {
  parent: endpoints[i]
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [for zone in one.zones: {
      name: zone
      properties: {
        privateDnsZoneId: zoneIds[zone]
      }
    }]
  }
}]
