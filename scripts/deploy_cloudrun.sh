#!/usr/bin/env bash
# Deploys to Google Cloud Run: builds the image with Cloud Build, keeps keys in Secret Manager, runs the service under
# an account of its own that may read these keys and nothing else.
#
#   export GEMINI_API_KEY=…
#   scripts/deploy_cloudrun.sh --project my-project
#   scripts/deploy_cloudrun.sh --project my-project --no-secret --set MODEL=vertexai/gemini-flash-latest
#
#   --project ID          Default: that of `gcloud config`.
#   --region REGION       Default: us-central1.
#   --min-instances N     Instances that never stop; 0, the default, lets the service sleep.
#   --max-instances N     Default: 10.
#   --private             Only callers that Google Cloud knows may call (IAM), instead of everyone.
# eject: grpc
#   --http1               The service is called over HTTP/1.1. See below.
#
# Cloud Run gives one port, so REST and gRPC share it (SINGLE_PORT). It speaks HTTP/2 without TLS (h2c) to the server,
# which streams of gRPC in both directions need; the server answers HTTP/1.1 on the same port for Cloud Run's probes.
# With --http1 only REST is served.
# eject: end
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh

name=genkit-endpoints project='' region=us-central1 min_instances=0 max_instances=10 private=''
before='' url='' version=''
# shellcheck disable=SC2034
values=(--project --region --min-instances --max-instances) flags=(--private)
# eject: grpc
http1='' flags+=(--http1)
# eject: end
# joined ITEMS…: with commas; where an item has one, with another character, as `gcloud topic escaping` says.
joined() {
  local by all
  all=$*
  for by in ',' ';' '|' '@' '#' '~' '+'; do
    if [[ $all != *"$by"* ]]; then
      [[ $by == , ]] || printf '^%s^' "$by"
      (IFS=$by && printf %s "$*")
      return
    fi
  done
  say "The values of --set use all characters that could stand between them."
  give_up 64
}

parse "$@"

gcloud_checks
need curl 'it is in every package manager'
valid --name "$name" '^[a-z][a-z0-9-]{0,47}[a-z0-9]$' '2 to 49 of a-z, 0-9 and -'
valid --min-instances "$min_instances" '^[0-9]+$' 'a number'
valid --max-instances "$max_instances" '^[1-9][0-9]*$' 'a number above 0'
read_secrets
stop_at_faults

step 'Turn the services of Google Cloud on'
run gcloud services enable run.googleapis.com artifactregistry.googleapis.com cloudbuild.googleapis.com \
  secretmanager.googleapis.com "--project=$project"
gcloud_build

step 'Make the account of the service'
# An id has 6 to 30 characters.
id=run-${name:0:26}
account=$id@$project.iam.gserviceaccount.com
if ! exists gcloud iam service-accounts describe "$account" "--project=$project"; then
  run gcloud iam service-accounts create "$id" "--display-name=$name on Cloud Run" "--project=$project"
  undo 'the account' gcloud iam service-accounts delete "$account" "--project=$project"
fi
for setting in ${settings[@]+"${settings[@]}"}; do
  if [[ $setting == MODEL=*vertexai/* ]]; then
    default_setting GOOGLE_CLOUD_PROJECT "$project"
    run_soon gcloud projects add-iam-policy-binding "$project" "--member=serviceAccount:$account" \
      --role=roles/aiplatform.user --condition=None
    undo 'the right to call models' gcloud projects remove-iam-policy-binding "$project" \
      "--member=serviceAccount:$account" --role=roles/aiplatform.user --condition=None
  fi
done

references=()
for secret in ${secrets[@]+"${secrets[@]}"}; do
  step "Store $secret in Secret Manager"
  id=$name-$(lower "$secret")
  if exists gcloud secrets describe "$id" "--project=$project"; then
    if [[ -z $keep_secrets ]]; then
      run_with_secret "$secret" gcloud secrets versions add "$id" --data-file=- "--project=$project"
      ask version NUMBER gcloud secrets versions list "$id" --limit=1 '--format=value(name)' "--project=$project"
      undo "the new value of $secret" gcloud secrets versions destroy "$version" "--secret=$id" "--project=$project"
    fi
  elif [[ -n $keep_secrets ]]; then
    say "There is no secret $id. Run the script without --keep-secrets."
    give_up 1
  else
    run_with_secret "$secret" gcloud secrets create "$id" --replication-policy=automatic --data-file=- \
      "--project=$project"
    undo "the secret $secret" gcloud secrets delete "$id" "--project=$project"
  fi
  run_soon gcloud secrets add-iam-policy-binding "$id" "--member=serviceAccount:$account" \
    --role=roles/secretmanager.secretAccessor "--project=$project"
  # By number, so that an older revision keeps its value.
  ask version NUMBER gcloud secrets versions list "$id" --filter=state=enabled --limit=1 '--format=value(name)' \
    "--project=$project"
  references+=("$secret=$id:$version")
done

step 'Deploy'
deploy=(gcloud run deploy "$name" "--image=$image" "--region=$region" "--project=$project" --port=8080
  "--service-account=$account" "--min-instances=$min_instances" "--max-instances=$max_instances"
  --cpu=1 --memory=512Mi --timeout=300 --quiet)
check=()
# eject: grpc
if [[ -z $http1 ]]; then
  deploy+=(--use-http2)
  default_setting SINGLE_PORT true
else
  deploy+=(--no-use-http2)
  default_setting NO_GRPC true
fi
# eject: end
if [[ -n $(probe_host) ]]; then
  # A probe over HTTP has a Host that is not in the list.
  deploy+=(--startup-probe=tcpSocket.port=8080)
else
  deploy+=('--startup-probe=httpGet.path=/health,httpGet.port=8080,periodSeconds=1,failureThreshold=30'
    '--liveness-probe=httpGet.path=/health,httpGet.port=8080,periodSeconds=10')
fi
if ((${#settings[@]})); then
  deploy+=("--set-env-vars=$(joined "${settings[@]}")")
else
  deploy+=(--clear-env-vars)
fi
if ((${#references[@]})); then
  deploy+=("--set-secrets=$(joined "${references[@]}")")
else
  deploy+=(--clear-secrets)
fi
if [[ -n $private ]]; then deploy+=(--no-allow-unauthenticated); else deploy+=(--allow-unauthenticated); fi
place=("--region=$region" "--project=$project")
if exists gcloud run services describe "$name" "${place[@]}"; then
  ask before REVISION-BEFORE gcloud run services describe "$name" "${place[@]}" \
    '--format=value(status.latestReadyRevisionName)'
  undo 'the deployment (if it went that far)' gcloud run services update-traffic "$name" "--to-revisions=$before=100" \
    "${place[@]}"
else
  undo 'the service (if it was made)' gcloud run services delete "$name" "${place[@]}"
fi
run "${deploy[@]}"
# Otherwise a service that was once led back to an older revision stays there.
run gcloud run services update-traffic "$name" --to-latest "${place[@]}"
ask url https://SERVICE.run.app gcloud run services describe "$name" "${place[@]}" '--format=value(status.url)'
if [[ -n $private && -z $no_check ]]; then
  ask IDENTITY_TOKEN TOKEN gcloud auth print-identity-token
  export IDENTITY_TOKEN
fi
# eject: grpc
[[ -n $http1 ]] || check+=(--grpc "$url")
# eject: end
smoke_test "$url" ${check[@]+"${check[@]}"}
finish "$url"
