#!/usr/bin/env bash
# Exercises every REST route of a running server, all at once, and says what each answered.
#
#   scripts/test_endpoints.sh                             # http://localhost:8080
#   BASE_URL=https://my-app.run.app scripts/test_endpoints.sh
#   API_KEY=... scripts/test_endpoints.sh                 # where API keys are on
#
# Exit code: 0 when every route answered as it should, 1 otherwise, 2 when there is no server.
set -euo pipefail

base=${BASE_URL:-http://localhost:8080}
base=${base%/}
timeout=${TIMEOUT:-130} # seconds per route; a real model takes its time
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
  green=$'\e[32m' red=$'\e[31m' dim=$'\e[2m' plain=$'\e[0m'
else
  green='' red='' dim='' plain=''
fi

auth=()
[[ -n ${API_KEY:-} ]] && auth=(-H "Authorization: Bearer $API_KEY")

# check NAME STATUS PATTERN CURL-ARGS…: the status must be STATUS and the body must match PATTERN.
check() {
  local name=$1 want=$2 pattern=$3 status body verdict=ok
  shift 3
  body=$results/$name.body
  status=$(curl --silent --show-error --no-buffer --max-time "$timeout" --output "$body" \
    --write-out '%{http_code} %{time_total}' "${auth[@]}" "$@" 2>"$results/$name.error") || true
  local seconds=${status#* }
  status=${status%% *}
  [[ $status == "$want" ]] || verdict="status $status, not $want"
  [[ $verdict == ok ]] && ! grep --quiet --extended-regexp "$pattern" "$body" && verdict="no match for $pattern"
  printf '%s\t%s\t%s\t%s\n' "$name" "$verdict" "${seconds:-0}" "$(tail -c 160 "$body" | tr '\n' ' ')" \
    >"$results/$name.result"
}

# post NAME PATH JSON PATTERN
post() {
  check "$1" 200 "$4" -X POST "$base$2" -H 'Content-Type: application/json' -d "$3"
}

if ! curl --silent --fail --max-time 5 --output /dev/null "$base/health"; then
  echo "${red}There is no server at $base.${plain} Start one with: cargo run" >&2
  exit 2
fi

# On the demo model by accident a server is not ready on purpose, and says so.
ready=$(curl --silent --max-time 5 --output /dev/null --write-out '%{http_code}' "$base/ready")
[[ $ready == 503 ]] || ready=200
done_frame='^data:  *\{"done":true,'
# eject: describe_image
image='https://upload.wikimedia.org/wikipedia/commons/4/47/PNG_transparency_demonstration_1.png'
# eject: end
names=()
start() {
  names+=("$2")
  "$@" &
}

# eject: tell_joke
start post tell-joke /tell-joke '{"name": "Banana"}' '"joke":"'
start check tell-joke-for-alice 200 '"username":' -X POST "$base/tell-joke" \
  -H 'Content-Type: application/json' -H 'X-Request-ID: test-endpoints' -d '{"username": "Alice"}'
start post tell-joke-stream /tell-joke/stream '{"name": "Python"}' "$done_frame"
# eject: tell_story
start post tell-story-stream /tell-story/stream '{"topic": "a robot learning to paint"}' "$done_frame"
# eject: translate_text
start post translate /translate '{"text": "Hello, how are you?", "target_language": "Japanese"}' \
  '"confidence":"(high|medium|low)"'
# eject: describe_image
start post describe-image /describe-image "{\"image_url\": \"$image\"}" '"description":"'
# eject: generate_character
start post generate-character /generate-character '{"name": "Luna"}' '"backStory":".*"skills":\{"strength":'
# eject: pirate_chat
start post chat /chat '{"question": "What is the best programming language?"}' '"persona":"pirate captain"'
# eject: generate_code
start post generate-code /generate-code \
  '{"description": "a function that reverses a linked list", "language": "python"}' '"code":".*"filename":"'
start post generate-code-stream /generate-code/stream '{"description": "a queue", "language": "rust"}' \
  '^data:  *\{"done":true,.*"filename":"'
# eject: review_code
start post review-code /review-code '{"code": "def add(a, b):\n    return a + b", "language": "python"}' '"score":[0-9]'
# eject: tell_joke
start post flow-by-name /flows/tell_joke '{"data": {"name": "Banana"}}' '"result":\{"joke":"'
# eject: tell_story
start check flow-by-name-stream 200 '^data:  *\{"result":' -X POST "$base/flows/tell_story" \
  -H 'Content-Type: application/json' -H 'Accept: text/event-stream' -d '{"data": {}}'
# eject: end
# eject: insert calls
# Add a flow: its call above this line.
start check health 200 '"status":"ok"' "$base/health"
start check healthz 200 '"status":"ok"' "$base/healthz"
start check ready "$ready" '"checks":' "$base/ready"
start check not-found 404 '"title":"Not found"' -X POST "$base/nope" -H 'Content-Type: application/json' -d '{}'
# eject: generate_code
start check invalid-input 422 '"pointer":"/language"' -X POST "$base/generate-code" \
  -H 'Content-Type: application/json' -d '{"language": "no spaces"}'
# eject: end

echo "Asking $base, ${#names[@]} routes at once"
# A bar while they run: a real model may take a while.
while jobs -r | grep --quiet .; do
  finished=$(find "$results" -name '*.result' | wc -l)
  [[ -t 1 ]] && printf '\r%s%3d of %d%s' "$dim" "$finished" "${#names[@]}" "$plain"
  sleep 0.1
done
wait
[[ -t 1 ]] && printf '\r\e[K'

failed=0
for name in "${names[@]}"; do
  IFS=$'\t' read -r _ verdict seconds body <"$results/$name.result"
  if [[ $verdict == ok ]]; then
    printf '%s  ok%s  %-22s %6.2f s\n' "$green" "$plain" "$name" "$seconds"
  else
    failed=$((failed + 1))
    printf '%sFAIL%s  %-22s %6.2f s  %s: %s%s%s\n' "$red" "$plain" "$name" "$seconds" "$verdict" "$dim" "$body" "$plain"
  fi
done
if ((failed)); then
  echo "${red}$failed of ${#names[@]} failed${plain}"
  exit 1
fi
echo "${green}All ${#names[@]} passed${plain}"
