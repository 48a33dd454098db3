# The key that seals approval links: made once, kept in the vault, never shown.
$ErrorActionPreference = 'Stop'
if (-not $env:HOMEOSTAT_VAULT) { throw 'HOMEOSTAT_VAULT is an output of infra/main.bicep; run this through azd' }

# a role that was just given takes a while to hold
foreach ($attempt in 1..10) {
    $there = az keyvault secret list --vault-name $env:HOMEOSTAT_VAULT --query "length([?name=='approval-key'])" --output tsv
    if ($LASTEXITCODE -eq 0) { break }
    if ($attempt -eq 10) {
        throw "The vault $env:HOMEOSTAT_VAULT cannot be read. Give yourself Key Vault Secrets Officer there, and run: azd hooks run postprovision"
    }
    Start-Sleep -Seconds 15
}

if ($there -eq '0') {
    $file = New-TemporaryFile
    try {
        $bytes = [byte[]]::new(48)
        [System.Security.Cryptography.RandomNumberGenerator]::Fill($bytes)
        [System.IO.File]::WriteAllText($file, [Convert]::ToBase64String($bytes))
        az keyvault secret set --vault-name $env:HOMEOSTAT_VAULT --name approval-key --file $file --output none
        if ($LASTEXITCODE -ne 0) { throw 'The approval key could not be written.' }
        Write-Host "The approval key was made in $env:HOMEOSTAT_VAULT."
    }
    finally { Remove-Item $file }
}
