#!/usr/bin/env bash
# Deploys to Kubernetes, with kustomize (deploy/k8s): settings and image go into a temporary overlay over yours, keys into
# a Secret. It waits until the new pods are ready.
#
#   export GEMINI_API_KEY=…
#   scripts/deploy_k8s.sh --image registry.example.com/my-service:1.2.3
#
#   --image IMAGE         Needed: an image with a tag or a digest, in a registry that the cluster can reach.
#   --namespace NAME      It is made if there is none. Default: the name of the service.
#   --context NAME        Of the kubeconfig. Default: the current one.
#   --overlay FOLDER      Default: deploy/k8s/overlays/production.
#   --url URL             Check the server there. Default: through `kubectl port-forward`, which passes by an Ingress.
#
# It needs Kubernetes 1.30. Images: scripts/deploy_aws.sh, deploy_azure.sh and deploy_cloudrun.sh show how to push one.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh

name=genkit-endpoints namespace='' context='' overlay=deploy/k8s/overlays/production url='' version=''
# shellcheck disable=SC2034
values=(--namespace --context --overlay --url)
parse "$@"
namespace=${namespace:-$name}

need kubectl 'https://kubernetes.io/docs/tasks/tools/'
need curl 'it is in every package manager'
kubectl=(kubectl ${context:+"--context=$context"})
need_login 'choose a cluster: kubectl config use-context' "${kubectl[@]}" version --output=json
[[ $name == genkit-endpoints ]] || fault "--name $name: the name stands in the files in deploy/k8s; edit it there"
valid --namespace "$namespace" '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$' 'up to 63 of a-z, 0-9 and -'
[[ -f $overlay/kustomization.yaml ]] || fault "--overlay $overlay: it has no kustomization.yaml"
[[ $overlay == deploy/k8s/overlays/* ]] || fault "--overlay $overlay: it must be in deploy/k8s/overlays"
[[ -z $url || $url =~ ^https?:// ]] || fault "--url $url: it must begin with http:// or https://"
if [[ -n $features ]]; then fault '--features: no image is built here'; fi
if [[ -z $image && -n $dry ]]; then image=registry.example.com/$name:1.2.3; fi
[[ $image =~ ^[a-z0-9./:_-]+(:[A-Za-z0-9._-]+|@sha256:[0-9a-f]{64})$ ]] ||
  fault "--image ${image:-(missing)}: it must have a tag or a digest, as registry.example.com/my-service:1.2.3"
read_secrets
stop_at_faults

step 'Ask the cluster for its version'
ask version '{"serverVersion":{"minor":"30"}}' "${kubectl[@]}" version --output=json
minor=$(tr -d ' \n' <<<"$version" | sed -n 's/.*"serverVersion":{[^}]*"minor":"\([0-9]*\).*/\1/p')
if ((${minor:-0} < 30)); then
  say "It is 1.${minor:-?}, and must be 1.30 or later: before, preStop knows no sleep."
  give_up 1
fi

# In the folder of the overlays, since kustomize takes no path from outside.
generated=$(mktemp -d deploy/k8s/overlays/run.XXXXXX)
forward=''
leave() {
  rm -rf "$generated"
  [[ -z $forward ]] || kill "$forward" 2>/dev/null || true
}

step 'Put the files together'
reference=${image%@*}
{
  printf 'resources: [../%s]\nnamespace: %s\nimages:\n  - name: %s\n' "${overlay#deploy/k8s/overlays/}" "$namespace" "$name"
  if [[ $image == *@* ]]; then
    printf '    newName: %s\n    digest: %s\n' "$reference" "${image#*@}"
  else
    printf '    newName: %s\n    newTag: %s\n' "${image%:*}" "$(literal "${image##*:}")"
  fi
  if ((${#settings[@]})); then
    printf 'configMapGenerator:\n  - name: %s\n    behavior: merge\n    literals:\n' "$name"
    for setting in "${settings[@]}"; do printf '      - %s\n' "$(literal "$setting")"; done
  fi
  if [[ -n $(probe_host) ]]; then
    printf 'patches:\n  - target: {kind: Deployment, name: %s}\n    patch: |\n' "$name"
    for probe in startup liveness readiness; do
      printf '      - {op: add, path: /spec/template/spec/containers/0/%sProbe/httpGet/httpHeaders, value: [{name: Host, value: %s}]}\n' \
        "$probe" "$(literal "$(probe_host)")"
    done
  fi
} >"$generated/kustomization.yaml"
show "$(quoted kubectl kustomize "$generated")"
# It asks no cluster, so a dry run does it, too.
if command -v kubectl >/dev/null; then kubectl kustomize "$generated" >"$scratch/all.yaml" || give_up $?; fi

kubectl+=("--namespace=$namespace")
step 'Make the namespace'
if ! exists "${kubectl[@]}" get namespace "$namespace"; then
  run "${kubectl[@]}" create namespace "$namespace"
  undo 'the namespace and all that is in it' "${kubectl[@]}" delete namespace "$namespace"
fi

if ((${#secrets[@]})) && [[ -z $keep_secrets ]]; then
  step "Store ${secrets[*]}"
  # In a file that only this user can read. Applied by the server, so that no annotation repeats it.
  {
    printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: server-secrets}\nstringData:\n'
    for secret in "${secrets[@]}"; do
      [[ -n $dry ]] || printf '  %s: %s\n' "$secret" "$(literal "${!secret}")"
    done
  } >"$scratch/secret.yaml"
  new=''
  exists "${kubectl[@]}" get secret server-secrets || new=1
  run "${kubectl[@]}" apply --server-side --force-conflicts --field-manager=deploy --filename="$scratch/secret.yaml"
  if [[ -n $new ]]; then
    undo 'the Secret' "${kubectl[@]}" delete secret server-secrets
  else
    note 'The new values in the Secret: run the script again with the values before.'
  fi
fi

step 'Deploy'
if exists "${kubectl[@]}" get deployment "$name"; then
  undo 'the deployment' "${kubectl[@]}" rollout undo "deployment/$name"
  again=1
else
  undo 'what was made' "${kubectl[@]}" delete deployment,service,hpa,pdb,networkpolicy,configmap,serviceaccount \
    "--selector=app.kubernetes.io/part-of=$name"
  again=''
fi
run "${kubectl[@]}" apply --filename="$scratch/all.yaml"
# Pods read a Secret only when they start.
if [[ -n $again ]] && ((${#secrets[@]})) && [[ -z $keep_secrets ]]; then
  run "${kubectl[@]}" rollout restart "deployment/$name"
fi
warn "If this fails, these say why: $(quoted "${kubectl[@]}" get pods), and $(quoted "${kubectl[@]}" logs "deployment/$name")"
run "${kubectl[@]}" rollout status "deployment/$name" --timeout=300s

if [[ -z $url && -z $no_check ]]; then
  # Any free port: kubectl prints it.
  show "$(quoted "${kubectl[@]}" port-forward "service/$name" :80) &"
  url=http://localhost:PORT
  if [[ -z $dry ]]; then
    "${kubectl[@]}" port-forward "service/$name" :80 >"$scratch/forward" 2>&1 &
    forward=$!
    for ((i = 0; i < 50; i++)); do
      port=$(sed -n 's/^Forwarding from 127\.0\.0\.1:\([0-9]*\) .*/\1/p' "$scratch/forward")
      [[ -z $port ]] || break
      sleep 0.2
    done
    if [[ -z $port ]]; then
      cat "$scratch/forward" >&2
      title='Reach the server by kubectl port-forward'
      give_up 1
    fi
    url=http://localhost:$port
  fi
fi
smoke_test "$url"
finish "service $name in the namespace $namespace"
