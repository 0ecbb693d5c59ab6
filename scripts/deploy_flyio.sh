#!/usr/bin/env bash
# Deploys to Fly.io: makes the app and, on the first run, fly.toml, which is yours from then on: commit it.
#
#   export GEMINI_API_KEY=…
#   scripts/deploy_flyio.sh --name my-service --region ams
#
#   --name NAME           Name of the app; all names at Fly.io are different.
#   --region REGION       Default: ams. Used on the first run; later fly.toml has it.
#   --org ORGANIZATION    Default: personal.
#
# Settings of --set go to fly.toml on the first run, and with `fly deploy --env` on later ones.
# eject: grpc
# REST and gRPC share port 8080 (SINGLE_PORT), and Fly.io speaks HTTP/2 to it (h2_backend).
# eject: end
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh

name=genkit-endpoints region=ams org=personal addresses='' before=''
# shellcheck disable=SC2034
values=(--region --org)
parse "$@"

fly=fly
command -v fly >/dev/null || fly=flyctl
need "$fly" 'https://fly.io/docs/flyctl/install/'
need_login "$fly auth login, or FLY_API_TOKEN" "$fly" auth whoami
need curl 'it is in every package manager'
valid --name "$name" '^[a-z][a-z0-9-]{0,61}[a-z0-9]$' '2 to 63 of a-z, 0-9 and -'
valid --region "$region" '^[a-z]{3}$' 'three letters, such as ams'
valid --org "$org" '^[a-z0-9-]+$' 'the slug of an organization'
# A comment in what `fly secrets import` reads begins with #.
for secret in ${secrets[@]+"${secrets[@]}"}; do
  [[ -n $dry || ${!secret:-} != *[\"#]* ]] || fault "$secret: fly secrets import cannot read a value with \" or #"
done
if [[ -f fly.toml ]]; then
  grep --quiet --extended-regexp "^app *= *[\"']${name}[\"']" fly.toml || fault "--name $name: fly.toml is of another app"
fi
read_secrets
stop_at_faults

step 'Make the app'
if ! exists "$fly" status --app "$name"; then
  run "$fly" apps create "$name" --org "$org"
  undo 'the app' "$fly" apps destroy "$name"
fi

options=()
if [[ ! -f fly.toml && $dry != update ]]; then
  step 'Reserve its addresses'
  run "$fly" ips allocate-v4 --shared --app "$name"
  run "$fly" ips allocate-v6 --app "$name"
  ask addresses '{"Address":"66.241.124.1"}' "$fly" ips list --app "$name" --json
  addresses=$(grep -oiE '"address": *"[^"]+"' <<<"$addresses" | sed 's/.*: *"//; s/"$//' | paste -sd , - || true)
  if [[ -z $addresses ]]; then
    say 'fly ips list named no address.'
    give_up 1
  fi

  step 'Write fly.toml'
  # Fly.io puts the app's own address last into X-Forwarded-For. Over IPv4 nobody but its proxy can connect.
  default_setting TRUSTED_PROXIES "platform,$addresses"
  default_setting SHUTDOWN_GRACE 25
  # Its proxy cuts a call that is silent for 60 s, as a whole answer is while it is made.
  default_setting REQUEST_TIMEOUT 55
  default_setting LLM_TIMEOUT 50000
  # eject: grpc
  default_setting SINGLE_PORT true
  # eject: end
  config=fly.toml
  [[ -z $dry ]] || config=$scratch/fly.toml
  headers='' http_options=''
  # With TRUSTED_HOSTS a check must name a host.
  [[ -z $(probe_host) ]] || headers="headers = { Host = $(literal "$(probe_host)") }"
  # eject: grpc
  http_options=$'[http_service.http_options]\nh2_backend = true\n'
  # eject: end
  cat >"$config" <<-END
	# Made by scripts/deploy_flyio.sh; yours from then on. https://fly.io/docs/reference/configuration/
	app = "$name"
	primary_region = "$region"
	kill_signal = "SIGTERM"
	# Longer than SHUTDOWN_GRACE.
	kill_timeout = 30

	[env]
	$(for setting in "${settings[@]}"; do echo "${setting%%=*} = $(literal "${setting#*=}")"; done)

	[http_service]
	internal_port = 8080
	force_https = true
	auto_stop_machines = "stop"
	auto_start_machines = true
	min_machines_running = 0

	$http_options
	[[http_service.checks]]
	method = "GET"
	path = "/ready"
	interval = "10s"
	timeout = "5s"
	grace_period = "10s"
	$headers

	[[vm]]
	size = "shared-cpu-1x"
	memory = "512mb"
	END
  chmod 644 "$config"
  note 'fly.toml: delete it, or keep it for the next run.'
else
  for setting in ${settings[@]+"${settings[@]}"}; do options+=(--env "$setting"); done
  ask before '[{"ImageRef":"registry.fly.io/APP:IMAGE"}]' "$fly" releases --app "$name" --image --json
  before=$(grep -oiE '"imageref": *"[^"]+"' <<<"$before" | head -n 1 | sed 's/.*: *"//; s/"$//' || true)
fi

if ((${#secrets[@]})) && [[ -z $keep_secrets ]]; then
  step "Store ${secrets[*]}"
  command=("$fly" secrets import --stage --app "$name")
  show "$(quoted "${command[@]}") # standard input: ${secrets[*]} and their values"
  # printf is a part of bash, so no other process sees its arguments.
  [[ -n $dry ]] || for secret in "${secrets[@]}"; do printf '%s=%s\n' "$secret" "${!secret}"; done |
    "${command[@]}" >&2 || give_up $?
  undo 'the secrets' "$fly" secrets unset "${secrets[@]}" --app "$name"
fi

step 'Deploy'
if [[ -n $image ]]; then
  options+=(--image "$image")
else
  options+=(--dockerfile Containerfile --remote-only)
  [[ -z $features ]] || options+=(--build-arg "FEATURES=$features")
fi
if [[ -n $before ]]; then
  undo 'the deployment (if it went that far)' "$fly" deploy --app "$name" --config fly.toml --image "$before"
fi
run "$fly" deploy --app "$name" --config fly.toml ${options[@]+"${options[@]}"}
check=()
# eject: grpc
check+=(--grpc "https://$name.fly.dev")
# eject: end
smoke_test "https://$name.fly.dev" ${check[@]+"${check[@]}"}
finish "https://$name.fly.dev"
