#!/usr/bin/env bash
# Counts the instructions that a request costs the server, in thousands and without the kernel, with callgrind.
# Unlike times they are the same, to about 1 %, however busy the machine is.
#
#   workshop/scripts/instructions.sh [FRAMEWORK…]    # axum, actix and poem, each on its own listener
#
# PROGRAM=/path/to/genkit-endpoints measures that one; else a release build with debug symbols is made (minutes).
# OUT=FOLDER keeps the profiles: `callgrind_annotate FOLDER/axum-chat.1` says where the instructions went. Needs valgrind, curl.
set -euo pipefail
cd "$(dirname "$0")/../.."
frameworks=("$@")
if ((! $#)); then frameworks=(axum actix poem); fi
warm=50 counted=300
for tool in valgrind callgrind_control curl; do
  command -v "$tool" >/dev/null || { echo "$tool is missing" >&2 && exit 2; }
done
if [[ -z ${PROGRAM:-} ]]; then
  CARGO_PROFILE_RELEASE_DEBUG=line-tables-only CARGO_PROFILE_RELEASE_STRIP=none cargo build --release --all-features
  PROGRAM=${CARGO_TARGET_DIR:-target}/release/genkit-endpoints
fi
program=$(realpath "$PROGRAM")
scratch=$(mktemp -d)
out=${OUT:-$scratch}
mkdir -p "$out"
server=
stop() {
  if [[ -n $server ]]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  server=
}
model=
trap 'stop; [[ -z $model ]] || kill "$model"; rm -rf "$scratch"' EXIT

# NAME, path and body; without a body it is a GET. /translate answers from the cache after the first time. The first four
# ask the demo model, the last two a server that answers at once: with a joke, and with 50 chunks of one.
cases=('404 /nope' 'chat /chat {}' 'cached /translate {}' 'health /health' 'joke /tell-joke {}' 'stream /tell-joke/stream {}')

# start FRAMEWORK [VARIABLE…]: sets `server` and `address`.
start() {
  local log=$scratch/$1.log framework=$1
  shift
  set -- "$framework" "$@"
  : >"$log"
  env -i PORT=0 NO_GRPC=true MODEL=demo WEB_CONCURRENCY=1 RATE_LIMIT_DEFAULT=1000000/second LOG_FORMAT=json "${@:2}" \
    valgrind --tool=callgrind --separate-threads=no --callgrind-out-file="$out/$1" --log-file="$scratch/$1.valgrind" \
    "$program" --framework "$1" --server native >"$log" 2>&1 &
  server=$!
  for ((tries = 0; tries < 600; tries++)); do
    address=$(sed -n 's/.*"address":"\([^"]*\)".*/\1/p' "$log" | head -n 1)
    if [[ -n $address ]]; then return; fi
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  echo "$program does not start:" >&2
  cat "$log" >&2
  exit 1
}

# send COUNT PATH BODY: one after another on one connection.
send() {
  local body=()
  if [[ -n $3 ]]; then body=(--header 'content-type: application/json' --data "$3"); fi
  curl --silent --output /dev/null ${body[@]+"${body[@]}"} "http://$address$2?n=[1-$1]"
}

row='| %-9s | %6s | %6s | %6s | %6s | %6s | %6s |\n'
# shellcheck disable=SC2059
printf "$row" framework 404 chat cached health joke stream && printf '|---|---|---|---|---|---|---|\n'
python3 workshop/scripts/fake_model.py >"$scratch/model" &
model=$!
until [[ -s $scratch/model ]]; do sleep 0.1; done
for framework in "${frameworks[@]}"; do
  start "$framework"
  figures=()
  for case in "${cases[@]}"; do
    read -r name path body <<<"$case"
    if [[ $name == joke ]]; then
      stop
      start "$framework" MODEL=googleai/gemini-flash-latest GEMINI_API_KEY=k "GEMINI_BASE_URL=$(<"$scratch/model")"
    fi
    send "$warm" "$path" "${body:-}"
    callgrind_control --zero "$server" >/dev/null
    send "$counted" "$path" "${body:-}"
    # A worker may still be writing its log.
    sleep 0.5
    before=$(find "$out" -name "$framework.*" | wc -l)
    callgrind_control --dump="$name" "$server" >/dev/null
    profile=
    for ((tries = 0; tries < 100; tries++)); do
      if (($(find "$out" -name "$framework.*" | wc -l) > before)); then
        profile=$(find "$out" -name "$framework.*" -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2)
        if grep -q '^totals:' "$profile"; then break; fi
      fi
      sleep 0.1
    done
    total=$(sed -n 's/^totals: *//p' "$profile")
    mv "$profile" "$out/$framework-$name"
    figures+=("$((total / counted / 1000))")
  done
  stop
  # shellcheck disable=SC2059
  printf "$row" "$framework" "${figures[@]}"
done
