#!/usr/bin/env bash
# Deploys to Azure Container Apps: makes a resource group, a registry, which also builds the image, an identity that may
# pull from it, an environment and the app. Keys are secrets of the app, or stand in a key vault.
#
#   export GEMINI_API_KEY=…
#   scripts/deploy_azure.sh --location westeurope
#
#   --resource-group NAME Default: the name of the service.
#   --location REGION     Default: westeurope.
#   --registry NAME       Registry for images; all names in Azure are different. Default: one made of name and
#                         subscription. With --image, give the registry that has it, or none if it is public.
#   --key-vault NAME      Keep keys in this key vault, which exists, uses roles, and where you may write secrets.
#   --min-replicas N      0, the default, lets the app sleep.
#   --max-replicas N      Default: 5.
# eject: grpc
#   --http1               The app is called over HTTP/1.1. See below.
#
# One port serves REST and gRPC (SINGLE_PORT); the platform speaks HTTP/2 to it (`transport: http2`), which gRPC needs.
# With --http1 only REST is served.
# eject: end
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh

name=genkit-endpoints resource_group='' location=westeurope registry='' key_vault='' min_replicas=0 max_replicas=5
subscription='' identity='' principal='' registry_id='' vault_id='' environment='' host='' before=''
# shellcheck disable=SC2034
values=(--resource-group --location --registry --key-vault --min-replicas --max-replicas)
# eject: grpc
# shellcheck disable=SC2034
http1='' flags=(--http1)
# eject: end
parse "$@"
resource_group=${resource_group:-$name}

need az 'https://learn.microsoft.com/cli/azure/install-azure-cli'
need_login 'az login' az account show --query id --output tsv
need curl 'it is in every package manager'
valid --name "$name" '^[a-z][a-z0-9-]{0,30}[a-z0-9]$' '2 to 32 of a-z, 0-9 and -'
[[ $name != *--* ]] || fault "--name $name: Azure takes no --"
valid --resource-group "$resource_group" '^[A-Za-z0-9_.-]{0,89}[A-Za-z0-9_-]$' 'up to 90 of letters, 0-9, _, . and -'
valid --location "$location" '^[a-z0-9]+$' 'a region such as westeurope'
[[ -z $registry || $registry =~ ^[a-z0-9]{5,50}$ ]] || fault "--registry $registry: it must be 5 to 50 of a-z and 0-9"
[[ -z $key_vault || $key_vault =~ ^[A-Za-z][A-Za-z0-9-]{2,23}$ ]] ||
  fault "--key-vault $key_vault: it must be 3 to 24 of letters, 0-9 and -"
valid --min-replicas "$min_replicas" '^[0-9]+$' 'a number'
valid --max-replicas "$max_replicas" '^[1-9][0-9]*$' 'a number above 0'
read_secrets
stop_at_faults

group=(--resource-group "$resource_group")
ask subscription 00000000-0000-0000-0000-000000000000 az account show --query id --output tsv
if [[ -z $registry && -z $image ]]; then
  registry=$(printf %.40s%.8s "${name//-/}" "$subscription")
fi

step 'Turn the services of Azure on'
for provider in Microsoft.App Microsoft.ContainerRegistry Microsoft.OperationalInsights Microsoft.ManagedIdentity; do
  run az provider register --namespace "$provider" --wait
done

step 'Make the resource group'
if ! exists az group show --name "$resource_group"; then
  run az group create --name "$resource_group" --location "$location" --output none
  undo 'the resource group and all that is in it' az group delete --name "$resource_group"
fi

if [[ -z $image ]]; then
  step 'Make a registry for images'
  if ! exists az acr show --name "$registry" "${group[@]}"; then
    run az acr create --name "$registry" "${group[@]}" --location "$location" --sku Basic --output none
    undo 'the registry' az acr delete --name "$registry" "${group[@]}"
  fi
  step 'Build the image (20 to 40 minutes)'
  tag=$name:$(image_tag)
  features=${features:-$(sed -n 's/^ARG FEATURES=//p' Containerfile | head -n 1)}
  image=$registry.azurecr.io/$tag
  run az acr run --registry "$registry" --file deploy/azure/build.yaml --set "image=$tag" --set "features=$features" \
    --timeout 5400 .
  undo 'the image' az acr repository delete --name "$registry" --image "$tag"
fi

step 'Make the identity of the app'
if ! exists az identity show --name "$name" "${group[@]}"; then
  run az identity create --name "$name" "${group[@]}" --location "$location" --output none
  undo 'the identity' az identity delete --name "$name" "${group[@]}"
fi
ask identity "/subscriptions/$subscription/resourcegroups/$resource_group/providers/Microsoft.ManagedIdentity/userAssignedIdentities/$name" \
  az identity show --name "$name" "${group[@]}" --query id --output tsv
ask principal 11111111-1111-1111-1111-111111111111 az identity show --name "$name" "${group[@]}" \
  --query principalId --output tsv

# allow ROLE SCOPE: the identity may do that there. It changes nothing where it may already.
allow() {
  run_soon az role assignment create --role "$1" --scope "$2" --assignee-object-id "$principal" \
    --assignee-principal-type ServicePrincipal --output none
}
if [[ -n $registry ]]; then
  ask registry_id "/subscriptions/$subscription/resourceGroups/$resource_group/providers/Microsoft.ContainerRegistry/registries/$registry" \
    az acr show --name "$registry" --query id --output tsv
  allow AcrPull "$registry_id"
fi

if [[ -n $key_vault ]]; then
  step "Store the secrets in the key vault $key_vault"
  ask vault_id "/subscriptions/$subscription/resourceGroups/$resource_group/providers/Microsoft.KeyVault/vaults/$key_vault" \
    az keyvault show --name "$key_vault" --query id --output tsv
  allow 'Key Vault Secrets User' "$vault_id"
  for secret in ${secrets[@]+"${secrets[@]}"}; do
    [[ -z $keep_secrets ]] || continue
    # The command line has the name of a file that only this user can read.
    secret_file "$secret"
    run az keyvault secret set --vault-name "$key_vault" --name "$name-$(lower "$secret")" --file "$secret_path" \
      --encoding utf-8 --output none
    note "The new value of $secret: the vault keeps the one before ('az keyvault secret list-versions --vault-name $key_vault --name $name-$(lower "$secret")')."
  done
fi

step 'Make the environment'
if ! exists az containerapp env show --name "$name" "${group[@]}"; then
  run az containerapp env create --name "$name" "${group[@]}" --location "$location" --output none
  undo 'the environment' az containerapp env delete --name "$name" "${group[@]}"
fi
ask environment "/subscriptions/$subscription/resourceGroups/$resource_group/providers/Microsoft.App/managedEnvironments/$name" \
  az containerapp env show --name "$name" "${group[@]}" --query id --output tsv

step 'Deploy'
transport=http
# eject: grpc
if [[ -z $http1 ]]; then
  transport=http2
  default_setting SINGLE_PORT true
else
  default_setting NO_GRPC true
fi
# eject: end
# Only the platform can connect.
default_setting TRUSTED_PROXIES platform
default_setting SHUTDOWN_GRACE 25
# probe TYPE PATH SECONDS FAILURES
probe() {
  echo "      - type: $1"
  echo "        httpGet: {path: $2, port: 8080$([[ -z $(probe_host) ]] || echo ", httpHeaders: [{name: Host, value: $(literal "$(probe_host)")}]")}"
  echo "        periodSeconds: $3"
  echo "        failureThreshold: $4"
}
# It may have keys in it: only this user can read it, and it goes when the script ends.
config=$scratch/app.yaml
{
  cat <<END
location: $location
identity: {type: UserAssigned, userAssignedIdentities: {$(literal "$identity"): {}}}
properties:
  managedEnvironmentId: $(literal "$environment")
  configuration:
    activeRevisionsMode: Single
    ingress: {external: true, targetPort: 8080, transport: $transport, allowInsecure: false}
END
  if [[ -n $registry ]]; then
    echo "    registries: [{server: $registry.azurecr.io, identity: $(literal "$identity")}]"
  fi
  if ((${#secrets[@]})) && [[ -z $keep_secrets || -n $key_vault ]]; then
    echo '    secrets:'
    for secret in "${secrets[@]}"; do
      id=$(lower "$secret")
      if [[ -n $key_vault ]]; then
        echo "    - {name: $id, keyVaultUrl: 'https://$key_vault.vault.azure.net/secrets/$name-$id', identity: $(literal "$identity")}"
      elif [[ -z $dry ]]; then
        echo "    - {name: $id, value: $(literal "${!secret}")}"
      fi
    done
  fi
  cat <<END
  template:
    terminationGracePeriodSeconds: 30
    scale: {minReplicas: $min_replicas, maxReplicas: $max_replicas}
    containers:
    - name: server
      image: $(literal "$image")
      resources: {cpu: 0.5, memory: 1Gi}
      env:
END
  for setting in "${settings[@]}"; do
    echo "      - {name: ${setting%%=*}, value: $(literal "${setting#*=}")}"
  done
  for secret in ${secrets[@]+"${secrets[@]}"}; do
    echo "      - {name: $secret, secretRef: $(lower "$secret")}"
  done
  echo '      probes:'
  probe Startup /health 1 10
  probe Liveness /health 10 3
  probe Readiness /ready 5 3
} >"$config"

app=(--name "$name" "${group[@]}")
if exists az containerapp show "${app[@]}"; then
  ask before IMAGE-BEFORE az containerapp show "${app[@]}" --query 'properties.template.containers[0].image' --output tsv
  undo 'the deployment (if it went that far)' az containerapp update "${app[@]}" --image "$before"
  # It keeps stored secrets of which the file has none.
  run az containerapp update "${app[@]}" --yaml "$config" --output none
else
  undo 'the app (if it was made)' az containerapp delete "${app[@]}"
  run_soon az containerapp create "${app[@]}" --yaml "$config" --output none
fi
ask host "$name.REGION.azurecontainerapps.io" az containerapp show "${app[@]}" \
  --query properties.configuration.ingress.fqdn --output tsv
check=()
# eject: grpc
[[ -n $http1 ]] || check+=(--grpc "https://$host")
# eject: end
smoke_test "https://$host" --wait 180 ${check[@]+"${check[@]}"}
finish "https://$host"
