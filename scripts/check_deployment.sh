#!/usr/bin/env bash
# Checks a deployed server from outside: that it lives and is ready, one call, and that a stream comes piece by piece.
#
#   scripts/check_deployment.sh URL [OPTIONS]
#
#   --call 'PATH JSON'       The call to make, such as '/my-flow {"text": "Hello"}'. Default: the first sample there is.
#   --stream 'PATH JSON'     The stream to ask for; it should have several chunks.
#   --buffered-streams       It is known that streams come all at once there; say so, and pass.
#   --wait SECONDS           How long the server may take until it is ready (default 60).
# eject: grpc
#   --grpc URL               Also make a call over gRPC there; http:// is without TLS.
# eject: end
#   --dry-run                Print the calls, make none.
#
# CALL, STREAM and TIMEOUT (seconds a call may take, default 130) can also be set in the environment. Where API keys
# are on, API_KEY holds one. IDENTITY_TOKEN holds a token of Google's for a service that is not public.
# A server that answers with the demo model though nobody asked for it is not ready: set a model's key, or MODEL=demo.
# Exit code: 0 when all is well, 1 when not, 64 for a wrong option.
set -euo pipefail

timeout=${TIMEOUT:-130} wait=60
url='' call=${CALL:-} stream=${STREAM:-} buffered='' dry='' faults=() options=(--call --stream --wait)
# eject: grpc
grpc='' options+=(--grpc)
# eject: end
calls=() streams=()
# The first one that is left is called.
# eject: tell_joke
calls+=('/tell-joke {"name": "Banana"}')
# eject: pirate_chat
calls+=('/chat {"question": "What is the best programming language?"}')
# eject: translate_text
calls+=('/translate {"text": "Hello, how are you?", "target_language": "Japanese"}')
# eject: generate_character
calls+=('/generate-character {"name": "Luna"}')
# eject: generate_code
calls+=('/generate-code {"description": "a function that reverses a list", "language": "python"}')
# eject: review_code
calls+=('/review-code {"code": "def add(a, b):\n    return a + b", "language": "python"}')
# eject: tell_story
streams+=('/tell-story/stream {"topic": "a robot learning to paint"}')
# eject: generate_code
streams+=('/generate-code/stream {"description": "a queue", "language": "rust"}')
# eject: tell_joke
streams+=('/tell-joke/stream {"name": "Python"}')
# eject: end
# eject: insert calls

while (($#)); do
  case $1 in
  -h | --help)
    sed -n '2,/^set -/s/^# \{0,1\}//p' "$0" | grep -v '^eject: \|^set -'
    exit 0
    ;;
  --dry-run) dry=1 ;;
  --buffered-streams) buffered=1 ;;
  --*)
    if [[ " ${options[*]} " != *" $1 "* ]]; then
      faults+=("$1: there is no such option; --help lists them")
    elif (($# < 2)); then
      faults+=("$1: its value is missing")
    else
      printf -v "${1#--}" %s "$2"
      shift
    fi
    ;;
  *)
    [[ -z $url ]] || faults+=("$1: one URL is enough")
    url=$1
    ;;
  esac
  shift
done

well_formed='^/[^ ]* [{]'
call=${call:-${calls[0]:-}} stream=${stream:-${streams[0]:-}}
[[ $url =~ ^https?://[^/]+/?$ ]] || faults+=("URL ${url:-(missing)}: it is http:// or https://, a host, and no path")
[[ $wait =~ ^[0-9]+$ ]] || faults+=("--wait $wait: it is a number of seconds")
[[ $timeout =~ ^[0-9]+$ ]] || faults+=("TIMEOUT $timeout: it is a number of seconds")
[[ $call =~ $well_formed ]] || faults+=("--call ${call:-(missing)}: it is a path, a blank and a JSON object")
[[ -z $stream || $stream =~ $well_formed ]] || faults+=("--stream $stream: it is a path, a blank and a JSON object")
# eject: grpc
[[ -z $grpc || $grpc =~ ^https?://[^/]+/?$ ]] || faults+=("--grpc $grpc: it is http:// or https:// and a host")
# eject: end
if ((${#faults[@]})); then
  printf 'Fault: %s\n' "${faults[@]}" >&2
  exit 64
fi
url=${url%/}

if [[ -n $dry ]]; then
  printf 'GET %s\n' "$url/health" "$url/ready"
  printf 'POST %s\n' "$url$call" ${stream:+"$url$stream"}
  exit 0
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Keys stand in a file, since other users can see command lines.
(
  umask 077
  {
    [[ -z ${API_KEY:-} ]] || printf 'Authorization: Bearer %s\n' "$API_KEY"
    [[ -z ${IDENTITY_TOKEN:-} ]] || printf 'X-Serverless-Authorization: Bearer %s\n' "$IDENTITY_TOKEN"
  } >"$scratch/keys"
)
failed=0
ok() { printf '  ok  %-7s %s\n' "$1" "$2"; }
bad() {
  failed=1
  printf 'FAIL  %-7s %s\n' "$1" "$2"
}
# The start of the answer, on one line.
body() { head -c 300 "$scratch/body" 2>/dev/null | tr '\n' ' '; }

# fetch CURL-ARGS…: sets status, 000 when nothing answered; the answer is in $scratch/body.
fetch() {
  : >"$scratch/body"
  status=$(curl --silent --show-error --header "@$scratch/keys" --output "$scratch/body" \
    --write-out '%{http_code}' --max-time "$timeout" "$@" 2>"$scratch/error") || true
  [[ $status != 000 ]] || cat "$scratch/error" >"$scratch/body"
}

echo "Asking $url"
for probe in health ready; do
  since=$SECONDS
  # A new service takes a while until its name resolves and its first instance has started.
  while
    fetch --max-time 10 "$url/$probe"
    [[ $status != 200 ]] && ((SECONDS - since < wait))
  do sleep 2; done
  if [[ $status != 200 ]]; then
    bad "$probe" "status $status after $((SECONDS - since)) s: $(body)"
    exit 1
  elif ! grep --quiet '"status":"ok"' "$scratch/body"; then
    bad "$probe" "another server answers there: $(body)"
    exit 1
  fi
  ok "$probe" "$(body)"
done

since=$SECONDS
fetch -X POST "$url${call%% *}" -H 'Content-Type: application/json' -d "${call#* }"
if [[ $status == 200 ]] && grep --quiet '^{' "$scratch/body"; then
  ok call "${call%% *} in $((SECONDS - since)) s: $(body)"
else
  bad call "${call%% *}: status $status: $(body)"
fi

if [[ -z $stream ]]; then
  echo 'skip  stream  no flow streams; --stream names one'
else
  # The trace says when each piece of the answer arrived. Browsers take compressed answers, too, and what compresses
  # on the way may hold pieces back.
  fetch --no-buffer --compressed --trace-time --trace-ascii "$scratch/trace" -X POST "$url${stream%% *}" \
    -H 'Content-Type: application/json' -d "${stream#* }"
  # Prints: pieces of the body, seconds until the first, seconds from the first to the last.
  read -r pieces first span < <(awk '
    function seconds(clock,  part) { split(clock, part, ":"); return part[1] * 3600 + part[2] * 60 + part[3] }
    / => Send header/ && !asked { asked = seconds($1) }
    / <= Recv data/ {
      now = seconds($1)
      if (now < asked) now += 86400 # past midnight
      if (!pieces++) first = now
      last = now
    }
    END { printf "%d %.2f %.2f\n", pieces, pieces ? first - asked : 0, last - first }' "$scratch/trace")
  chunks=$(grep --count --extended-regexp '^data: *\{"(chunk|partial)"' "$scratch/body" || true)
  last=$(grep '^data:' "$scratch/body" | tail -n 1 | head -c 300 || true)
  came="$chunks chunks in $pieces piece(s), the first after $first s, all within $span s"
  if [[ $status != 200 ]]; then
    bad stream "${stream%% *}: status $status: $(body)"
  elif [[ ! $last =~ ^data:\ *\{\"done\":true ]]; then
    bad stream "${stream%% *}: it ends with: ${last:-nothing}"
  elif ((chunks < 3)); then
    echo "skip  stream  $came: too few to see whether they are held back; choose another with --stream"
  elif awk "BEGIN { exit !($span < 0.1) }"; then
    if [[ -n $buffered ]]; then
      ok stream "$came: held back, as expected there"
    else
      bad stream "$came: something between here and the server holds them back"
    fi
  else
    ok stream "$came"
  fi
fi
# eject: grpc

if [[ -n $grpc ]]; then
  # An empty message: a byte that says `not compressed`, and four of its length.
  version=--http2
  [[ $grpc != http://* ]] || version=--http2-prior-knowledge
  printf '\0\0\0\0\0' >"$scratch/message"
  fetch $version --dump-header "$scratch/headers" -X POST "${grpc%/}/genkit.sample.v1.GenkitService/Health" \
    -H 'Content-Type: application/grpc' -H 'TE: trailers' --data-binary "@$scratch/message"
  if grep --quiet --ignore-case '^grpc-status: 0' "$scratch/headers" 2>/dev/null; then
    ok grpc "Health at $grpc"
  else
    bad grpc "Health at $grpc: status $status, $(grep -i '^grpc-' "$scratch/headers" 2>/dev/null | tr '\r\n' '  ')$(body | tr -d '\0')"
  fi
fi
# eject: end
exit "$failed"
