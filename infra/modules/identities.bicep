// One identity for each part that acts: the app, training jobs, endpoints, and whoever unwraps customer-managed keys.
param location string
param tags object
param prefix string
param token string

resource app 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${prefix}app-${token}'
  location: location
  tags: tags
}

resource jobs 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${prefix}jobs-${token}'
  location: location
  tags: tags
}

resource endpoint 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${prefix}endpoint-${token}'
  location: location
  tags: tags
}

resource keys 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${prefix}keys-${token}'
  location: location
  tags: tags
}

output appId string = app.id
output appClientId string = app.properties.clientId
output appPrincipalId string = app.properties.principalId
output jobsId string = jobs.id
output jobsPrincipalId string = jobs.properties.principalId
output endpointId string = endpoint.id
output endpointPrincipalId string = endpoint.properties.principalId
output keysId string = keys.id
output keysClientId string = keys.properties.clientId
output keysPrincipalId string = keys.properties.principalId
