#!/usr/bin/env bash
# Generates clients from the OpenAPI document, and calls every operation of the built program through them.
#
#   workshop/scripts/check_clients.sh TOOLS          # openapi-python-client, openapi-typescript
#   workshop/scripts/check_clients.sh TOOLS --all    # and openapi-generator (needs Java), @hey-api/openapi-ts
#
# TOOLS is a folder with venv/bin/openapi-python-client and node_modules/openapi-typescript; with --all also
# venv/bin/openapi-generator-cli and node_modules/@hey-api/openapi-ts.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=$(realpath "${1:?the folder of the installed tools}")
all=${2:-}
cargo build --quiet --all-features
program=${CARGO_TARGET_DIR:-target}/debug/genkit-endpoints
server='' work=$(mktemp -d)
stop() {
  if [[ -n $server ]] && kill "$server" 2>/dev/null; then wait "$server" || true; fi
  rm -rf "$work"
}
trap stop EXIT
port=${PORT:-18480}
MODEL=demo NO_GRPC=true RATE_LIMIT_DEFAULT=1000000/second "$program" --port "$port" >"$work/log" 2>&1 &
server=$!
url=http://localhost:$port
for _ in $(seq 100); do
  curl --silent --fail --output /dev/null "$url/health" && break
  sleep 0.1
done
document=$work/openapi.json
"$program" openapi >"$document"
python=$tools/venv/bin/python
clients=$(realpath workshop/clients)
ln -s "$tools/node_modules" "$work/node_modules"
echo '{"type": "module"}' >"$work/package.json"

# quietly COMMAND…: shows what it says only if it fails.
quietly() {
  "$@" >"$work/output" 2>&1 || { cat "$work/output" >&2 && return 1; }
}

# Compiles a client with its calls, strictly, and runs it.
run_typescript() {
  cp "$clients/$1.ts" "$work/$1/"
  (
    cd "$work/$1"
    quietly "$tools/node_modules/.bin/tsc" "$1.ts" --noEmit --strict --skipLibCheck --target es2022 \
      --module esnext --moduleResolution bundler --types node --typeRoots "$tools/node_modules/@types"
    quietly "$tools/node_modules/.bin/esbuild" "$1.ts" --bundle --platform=node --format=esm --outfile="$1.js"
    node "$1.js" "$document" "$url"
  )
}

mkdir "$work"/{python,fetch,openapi_fetch,hey_api}
quietly "$tools/venv/bin/openapi-python-client" generate --path "$document" --meta none \
  --output-path "$work/python/generated"
"$python" "$clients/openapi_python_client.py" "$document" "$work/python" "$url"

quietly "$tools/node_modules/.bin/openapi-typescript" "$document" -o "$work/openapi_fetch/schema.ts"
run_typescript openapi_fetch

if [[ $all == --all ]]; then
  quietly "$tools/venv/bin/openapi-generator-cli" generate -i "$document" -g python -o "$work/generator" \
    --additional-properties packageName=generated
  quietly "$tools/venv/bin/pip" install --quiet -r "$work/generator/requirements.txt"
  "$python" "$clients/openapi_generator.py" "$document" "$work/generator" "$url"

  quietly "$tools/venv/bin/openapi-generator-cli" generate -i "$document" -g typescript-fetch \
    -o "$work/fetch/generated"
  run_typescript fetch

  quietly "$tools/node_modules/.bin/openapi-ts" -i "$document" -o "$work/hey_api/generated"
  run_typescript hey_api
fi
