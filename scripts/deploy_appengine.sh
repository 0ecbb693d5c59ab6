#!/usr/bin/env bash
# Deploys to Google App Engine, flexible environment: builds the image with Cloud Build, starts a version without
# traffic (deploy/google/app.yaml), checks it, and then leads all traffic to it.
#
#   scripts/deploy_appengine.sh --project my-project --no-secret --set MODEL=vertexai/gemini-flash-latest
#   export GEMINI_API_KEY=… && scripts/deploy_appengine.sh --project my-project
#
#   --project ID          Default: that of `gcloud config`.
#   --region REGION       Of the image, and of a new App Engine application: it can never be changed. Default: us-central1.
#   --service NAME        Service of App Engine. Default: `default`, which must be the first.
#
# App Engine has no place for secrets: who may look at a version sees its variables, keys included. With a vertexai
# model there is no key, since App Engine's own account calls it; the script grants it that.
# eject: grpc
# App Engine passes no gRPC on, so it is off there.
# eject: end
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh

name=genkit-endpoints project='' region=us-central1 service=default before='' host=''
# shellcheck disable=SC2034
values=(--project --region --service)
parse "$@"

gcloud_checks
need curl 'it is in every package manager'
valid --name "$name" '^[a-z][a-z0-9-]{0,47}[a-z0-9]$' '2 to 49 of a-z, 0-9 and -'
valid --service "$service" '^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$' '1 to 40 of a-z, 0-9 and -'
if [[ -n $keep_secrets ]]; then fault '--keep-secrets: App Engine keeps none'; fi
read_secrets
stop_at_faults
((! ${#secrets[@]})) || warn "who may look at the versions of $project sees ${secrets[*]} there."

step 'Turn the services of Google Cloud on'
run gcloud services enable appengine.googleapis.com appengineflex.googleapis.com artifactregistry.googleapis.com \
  cloudbuild.googleapis.com "--project=$project"
gcloud_build

step 'Make the application'
if ! exists gcloud app describe "--project=$project"; then
  # Two regions have older names there.
  case $region in
  us-central1) place=us-central ;;
  europe-west1) place=europe-west ;;
  *) place=$region ;;
  esac
  run gcloud app create "--region=$place" "--project=$project"
  note "The application in $place: it cannot be deleted, but costs nothing without versions."
fi
if [[ $(setting MODEL) == *vertexai/* ]]; then
  default_setting GOOGLE_CLOUD_PROJECT "$project"
  member=serviceAccount:$project@appspot.gserviceaccount.com
  run_soon gcloud projects add-iam-policy-binding "$project" "--member=$member" --role=roles/aiplatform.user \
    --condition=None
  undo 'the right to call models' gcloud projects remove-iam-policy-binding "$project" "--member=$member" \
    --role=roles/aiplatform.user --condition=None
fi

step 'Start the new version, without traffic'
# Google's load balancers stand before it, and nobody else can connect.
default_setting TRUSTED_PROXIES platform,130.211.0.0/22,35.191.0.0/16
# Its proxy keeps idle connections for 650 s.
default_setting KEEP_ALIVE_TIMEOUT 700
# App Engine gives 30 s to end in.
default_setting SHUTDOWN_GRACE 25
# eject: grpc
default_setting NO_GRPC true
# eject: end
probe=$(probe_host) config=$scratch/app.yaml
{
  echo "service: $service"
  # The checks name a host only if they are told to.
  sed "s/^\( *\)path: .*/&${probe:+\n\1host: $(literal "$probe")}/" deploy/google/app.yaml
  echo 'env_variables:'
  for setting in "${settings[@]}"; do echo "  ${setting%%=*}: $(literal "${setting#*=}")"; done
  for secret in ${secrets[@]+"${secrets[@]}"}; do
    value=${!secret:-}
    [[ -n $dry ]] || echo "  $secret: $(literal "$value")"
  done
} >"$config"
version=$(date -u +%Y%m%dt%H%M%S)
place=("--service=$service" "--project=$project")
if exists gcloud app services describe "$service" "--project=$project"; then
  ask before VERSION-BEFORE gcloud app versions list "${place[@]}" '--filter=traffic_split>0' --limit=1 \
    '--format=value(version.id)'
fi
undo 'the new version (if it was made)' gcloud app versions delete "$version" "${place[@]}"
run gcloud app deploy "$config" "--image-url=$image" "--version=$version" --no-promote --quiet "--project=$project"
ask host PROJECT.REGION.r.appspot.com gcloud app describe "--project=$project" '--format=value(defaultHostname)'
url=https://$version-dot-$host
[[ $service == default ]] || url=https://$version-dot-$service-dot-$host
smoke_test "$url" --wait 300

step 'Lead the traffic to it'
run gcloud app services set-traffic "$service" "--splits=$version=1" --quiet "--project=$project"
if [[ -n $before ]]; then
  undo 'the traffic' gcloud app services set-traffic "$service" "--splits=$before=1" "--project=$project"
  warn "The version before still runs, and costs. To stop it: $(quoted gcloud app versions stop "$before" "${place[@]}")"
fi
finish "${url/$version-dot-/}"
