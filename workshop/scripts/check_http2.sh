#!/usr/bin/env bash
# Runs h2spec against each framework and listener and against gRPC, and prints what fails.
#
#   workshop/scripts/check_http2.sh [H2SPEC]    # go install github.com/summerwind/h2spec/cmd/h2spec@latest
#
# These may fail:
#   3.5, 2: an invalid preface. The ports speak HTTP/1.1, too, and answer it with 400 there.
#   8.1.2.6, 1 and 2: a body shorter or longer than its `content-length`. Where the path or method is refused, the answer
#     may overtake the body.
#   5.1, 8 and 9; 6.9.1, 3; 8.1, 1; 8.1.2.1, 3: frames on a stream whose answer has ended it already. They come and go
#     with the timing.
set -euo pipefail
cd "$(dirname "$0")/../.."
h2spec=${1:-$(go env GOPATH)/bin/h2spec}
cargo build --quiet --all-features
program=${CARGO_TARGET_DIR:-target}/debug/genkit-endpoints
rest=${PORT:-18490} grpc=$((${PORT:-18490} + 1)) server=''
stop() {
  if [[ -n $server ]] && kill "$server" 2>/dev/null; then wait "$server" || true; fi
  server=''
}
trap stop EXIT

check() {
  local name=$1 port=$2 path=$3 failed
  echo "$name: $("$h2spec" --host 127.0.0.1 --port "$port" --path "$path" --timeout 3 >"$report" || true)$(grep ' tests, ' "$report")"
  # The report tells each failure twice, once as it comes.
  failed=$(sed -n '/^Failures:/,$p' "$report" | grep '^ *[0-9.]*[0-9]\. \|×' || true)
  if [[ -n $failed ]]; then echo "$failed"; fi
}

report=$(mktemp)
for framework in axum actix poem; do
  for listener in native hyper; do
    MODEL=demo LOG_LEVEL=error RATE_LIMIT_DEFAULT=1000000/second "$program" --framework $framework --server $listener \
      --port "$rest" --grpc-port "$grpc" >/dev/null &
    server=$!
    for _ in $(seq 100); do
      curl --silent --fail --output /dev/null "http://localhost:$rest/health" && break
      sleep 0.1
    done
    check "$framework/$listener" "$rest" /health
    if [[ $framework/$listener == axum/native ]]; then check gRPC "$grpc" /grpc.health.v1.Health/Check; fi
    stop
  done
done
