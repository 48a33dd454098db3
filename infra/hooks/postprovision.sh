#!/bin/sh
# The key that seals approval links: made once, kept in the vault, never shown.
set -eu
: "${HOMEOSTAT_VAULT:?is an output of infra/main.bicep; run this through azd}"

# a role that was just given takes a while to hold
for attempt in 1 2 3 4 5 6 7 8 9 10; do
    there=$(az keyvault secret list --vault-name "$HOMEOSTAT_VAULT" --query "length([?name=='approval-key'])" --output tsv) && break
    if [ "$attempt" = 10 ]; then
        echo "The vault $HOMEOSTAT_VAULT cannot be read. Give yourself Key Vault Secrets Officer there, and run: azd hooks run postprovision" >&2
        exit 1
    fi
    sleep 15
done

if [ "$there" = 0 ]; then
    umask 077
    file=$(mktemp)
    trap 'rm -f "$file"' EXIT
    head -c 48 /dev/urandom | base64 | tr -d '\n' >"$file"
    az keyvault secret set --vault-name "$HOMEOSTAT_VAULT" --name approval-key --file "$file" --output none
    echo "The approval key was made in $HOMEOSTAT_VAULT."
fi
