#!/usr/bin/env bash
# Checks the built program with outside tools, on every framework and listener: test_endpoints.sh,
# schemathesis, an OpenAPI validator, and the pages in Chromium.
#
#   workshop/scripts/check_live.sh TOOLS    # a folder with venv/bin/schemathesis and node_modules/playwright-core
#   FRAMEWORKS=poem workshop/scripts/check_live.sh TOOLS
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=$(realpath "${1:?the folder of the installed tools}")
examples=${SCHEMATHESIS_EXAMPLES:-30}
# The same cases on every run: a failure must be there again when somebody looks. Change it to look elsewhere.
seed=${SCHEMATHESIS_SEED:-20261124}
cargo build --quiet --all-features
program=${CARGO_TARGET_DIR:-target}/debug/genkit-endpoints
server='' logs=$(mktemp -d)
stop() {
  if [[ -n $server ]] && kill "$server" 2>/dev/null; then wait "$server" || true; fi
  server=''
}
trap 'stop; rm -rf "$logs"' EXIT

# gRPC has a script of its own.
export NO_GRPC=true
port=18080
start() {
  port=$((port + 1))
  "$program" --port "$port" --log-format json "$@" >"$logs/$port" 2>&1 &
  server=$!
  for _ in $(seq 100); do
    curl --silent --fail --output /dev/null "localhost:$port/health" && return
    sleep 0.1
  done
  cat "$logs/$port" >&2
  return 1
}

# Every check of schemathesis against the document that the server itself gives out; further arguments are headers.
run_schemathesis() {
  # For it, as for nobody else, the schema of a stream in OpenAPI 3.1 is that of an event.
  curl --silent "$@" "localhost:$port/openapi.json" | "$tools/venv/bin/python" -c '
import json, sys
of_event = lambda it: {**it, "schema": it.pop("x-itemSchema")} if "x-itemSchema" in it else it
print(json.dumps(json.load(sys.stdin, object_hook=of_event)))' >"$logs/events.json"
  # It leaves a cache where it runs. One worker: with more, Hypothesis races itself (KeyError in its cache).
  (cd "$logs" && "$tools/venv/bin/schemathesis" run events.json --url "http://localhost:$port" --checks all \
    --max-examples "$examples" --seed "$seed" --workers 1 --no-color "$@")
}

for framework in ${FRAMEWORKS:-axum actix poem}; do
  for listener in native hyper; do
    echo "::: $framework/$listener"
    RATE_LIMIT_DEFAULT=1000000/second start --framework "$framework" --server "$listener" --debug --model demo
    grep --quiet "\"framework\":\"$framework\".*\"server\":\"$listener\"" "$logs/$port"
    BASE_URL=http://localhost:$port scripts/test_endpoints.sh
    if [[ $listener == native ]]; then
      curl --silent "localhost:$port/openapi.json" >"$logs/openapi.json"
      "$tools/venv/bin/openapi-spec-validator" "$logs/openapi.json"
      run_schemathesis
    fi
    # The pages come from core, so one server that shows them shows them all.
    if [[ -z ${pages_seen:-} || -n ${ALL_PAGES:-} ]]; then
      pages_seen=1
      NODE_PATH=$tools/node_modules node workshop/scripts/check_pages.js "http://localhost:$port" "${SCREENSHOTS:-$logs}"
      NODE_PATH=$tools/node_modules node workshop/scripts/check_dev_page.js "http://localhost:$port" "${SCREENSHOTS:-$logs}"
    fi
    stop
  done
  echo "::: $framework with API keys, and a rate that is exceeded now and then"
  # printf sesame | sha256sum
  API_KEYS=d0c04f4b1951e4aeaaec8223ed2039e542f3aae805a6fa7f6d794e5afff5d272 RATE_LIMIT_DEFAULT=20/second \
    start --framework "$framework" --debug --model demo
  if [[ -z ${key_seen:-} ]]; then
    key_seen=1
    NODE_PATH=$tools/node_modules node workshop/scripts/check_dev_page.js "http://localhost:$port" "$logs" sesame
  fi
  # Inputs had their turn above.
  examples=5 run_schemathesis --header 'Authorization: Bearer sesame'
  stop
done
