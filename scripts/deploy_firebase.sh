#!/usr/bin/env bash
# Deploys to Cloud Run (scripts/deploy_cloudrun.sh, all of whose options it takes) and puts Firebase Hosting before it:
# a name of Google's or your own, a CDN, and your static files in deploy/firebase/public, next to the routes.
#
#   export GEMINI_API_KEY=…
#   scripts/deploy_firebase.sh --project my-project
#
#   --only-hosting        Leave the service on Cloud Run as it is.
#
# Hosting ends a call after 60 s, so the server is told to end it after 55. Hosting also collects an answer before it
# passes it on: a stream comes all at once. Call the address on Cloud Run for streams.
# eject: grpc
# It passes no gRPC on: call the address on Cloud Run for that, too.
# eject: end
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh

name=genkit-endpoints project='' region=us-central1 min_instances='' max_instances='' only_hosting='' private=''
# shellcheck disable=SC2034
values=(--project --region --min-instances --max-instances) flags=(--only-hosting --private)
# eject: grpc
# shellcheck disable=SC2034
http1='' flags+=(--http1)
# eject: end
parse "$@"

gcloud_checks
need firebase 'npm install --global firebase-tools'
need_login 'firebase login, or GOOGLE_APPLICATION_CREDENTIALS' firebase projects:list
valid --name "$name" '^[a-z][a-z0-9-]{0,47}[a-z0-9]$' '2 to 49 of a-z, 0-9 and -'
: "$min_instances" "$max_instances"
if [[ -n $private ]]; then fault '--private: Hosting calls the service as everyone does'; fi
[[ -n $only_hosting ]] || read_secrets
stop_at_faults

if [[ -z $only_hosting ]]; then
  step 'Deploy to Cloud Run'
  rest=(--no-check) # what is checked is Hosting
  [[ -n $(setting REQUEST_TIMEOUT) ]] || rest+=(--set REQUEST_TIMEOUT=55)
  [[ -n $(setting LLM_TIMEOUT) ]] || rest+=(--set LLM_TIMEOUT=50000)
  note 'On Cloud Run: what the script for it says above.'
  # That script alone gets the secrets in its environment.
  for secret in ${secrets[@]+"${secrets[@]}"}; do export "${secret?}"; done
  if [[ -n $dry ]]; then scripts/deploy_cloudrun.sh "${rest[@]}" "$@"; else run scripts/deploy_cloudrun.sh "${rest[@]}" "$@"; fi
  for secret in ${secrets[@]+"${secrets[@]}"}; do export -n "${secret?}"; done
fi

step 'Make the project one of Firebase'
projects=''
[[ $dry != update ]] || projects=$project
ask projects "${projects:-none}" firebase projects:list
if [[ $projects != *"$project"* ]]; then
  run firebase projects:addfirebase "$project"
  note 'Firebase in the project: its console can take it away again.'
fi

step 'Deploy the rules of Hosting'
cp -R deploy/firebase/. "$scratch/"
sed -e "s/SERVICE/$name/" -e "s/REGION/$region/" deploy/firebase/firebase.json >"$scratch/firebase.json"
undo 'Hosting (it shows its former release again from its console; this switches it off)' \
  firebase hosting:disable --project "$project"
run firebase deploy --only hosting --project "$project" --config "$scratch/firebase.json" --non-interactive
smoke_test "https://$project.web.app" --buffered-streams
finish "https://$project.web.app"
