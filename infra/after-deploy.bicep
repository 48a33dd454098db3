// What needs the app's functions to be there: event subscriptions, and alerts that call the app.
// The hook `postdeploy` of azure.yaml deploys it into the resource group of main.bicep.
targetScope = 'resourceGroup'

param location string = resourceGroup().location
param environmentName string
param appName string
param appStorageName string
param storageTopicName string
param workspaceTopicName string
param topicName string
param workspaceName string
param logsName string

@description('Address of the function `alert` with its key.')
@secure()
param alertUrl string

@description('Who is written to. Empty: nobody, the app alone is told.')
param alertEmail string = ''

@description('Only blobs whose subject begins so wake the app, for example /blobServices/default/containers/landing/.')
param dataPrefix string = ''

@description('Only blobs whose subject ends so wake the app, for example _SUCCESS.')
param dataSuffix string = ''

@description('What the p95 of an endpoint may be, in milliseconds.')
param latencyMs int = 1000

var abbrs = loadJsonContent('abbreviations.json')
var tags = {
  'azd-env-name': environmentName
}

module subscriptions 'modules/subscriptions.bicep' = {
  name: 'subscriptions'
  params: {
    appName: appName
    appStorageName: appStorageName
    storageTopicName: storageTopicName
    workspaceTopicName: workspaceTopicName
    topicName: topicName
    dataPrefix: dataPrefix
    dataSuffix: dataSuffix
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  params: {
    location: location
    tags: tags
    groupName: '${abbrs.insightsActionGroups}${environmentName}'
    appName: appName
    alertUrl: alertUrl
    email: alertEmail
    logsName: logsName
    workspaceName: workspaceName
    storageTopicName: storageTopicName
    workspaceTopicName: workspaceTopicName
    topicName: topicName
    latencyMs: latencyMs
  }
}
