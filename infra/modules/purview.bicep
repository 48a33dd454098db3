// Purview, for lineage. Its own roles are given inside it (docs/security.md): Azure's do not reach there.
param location string
param tags object
param name string
param publicAccess bool

resource purview 'Microsoft.Purview/accounts@2021-12-01' = {
  name: name
  location: location
  tags: tags
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    publicNetworkAccess: publicAccess ? 'Enabled' : 'Disabled'
    managedResourceGroupName: 'rg-managed-${name}'
  }
}

output id string = purview.id
output url string = 'https://${purview.name}.purview.azure.com'
