#!/usr/bin/env bash
# Compares the frameworks, listeners and protocols with each other and with servers without the template: docs/comparison.md.
#
#   workshop/scripts/compare.sh            # 3 rounds, about 40 minutes on a quiet machine
#   workshop/scripts/compare.sh --quick    # about 2 minutes, for a look
#   workshop/scripts/compare.sh --debug    # with debug builds: says whether the comparison itself works, and nothing else
#   workshop/scripts/compare.sh --builds   # times clean and repeated builds first; 20 minutes more
#
# Other options go to the program: --rounds, --only, --entrants, --out, --redraw; `--help` there says more.
# TESTED=1 leaves out the tests of the contract, where they have just passed. Needs valgrind and taskset (util-linux).
# Exit code: 0, or 1 when a call failed, an entrant answered differently, or a figure is far from its goal.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
builds='' arguments=() measures=1 kind=release profile=(--release)
for argument in "$@"; do
  case $argument in
  --builds) builds=1 ;;
  --debug) kind=debug profile=() ;;
  --redraw | --help) measures='' arguments+=("$argument") ;;
  *) arguments+=("$argument") ;;
  esac
done

# seconds COMMAND…: sets `wall` and `processor`.
seconds() {
  local TIMEFORMAT='%R %U %S' said
  said=$({ time "$@" >/dev/null 2>&1; } 2>&1)
  read -r wall user system <<<"$said"
  processor=$(awk "BEGIN { print $user + $system }")
}

# Each framework alone with the other default features, from nothing.
time_builds() {
  local framework scratch rows=()
  scratch=$(mktemp -d)
  for framework in axum actix poem; do
    local features=(--no-default-features --features "$framework,grpc,telemetry,reflection,docs-ui,dev-ui")
    local build=(env CARGO_TARGET_DIR="$scratch/target" cargo build "${features[@]}")
    seconds "${build[@]}"
    local clean=$wall clean_processor=$processor
    touch src/flows/tell_joke.rs
    seconds "${build[@]}"
    local again=$wall
    "${build[@]}" --release --quiet
    local bytes
    bytes=$(stat -c %s "$scratch/target/release/genkit-endpoints")
    rows+=("$(printf '"%s":{"clean_seconds":%s,"clean_cpu_seconds":%s,"again_seconds":%s,"release_mib":%s}' "$framework" \
      "$clean" "$clean_processor" "$again" "$(awk "BEGIN { printf \"%.1f\", $bytes / 1048576 }")")")
    rm -rf "$scratch/target"
    echo "${rows[-1]}"
  done
  rm -rf "$scratch"
  (
    IFS=,
    echo "{${rows[*]}}"
  ) >workshop/compare/builds.json
}

if [[ -n $builds ]]; then time_builds; fi
commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
if [[ -n $measures ]]; then
  BUILD_COMMIT=$commit cargo build ${profile[@]+"${profile[@]}"} --all-features
  if [[ -z ${TESTED:-} ]]; then cargo test -p conformance --all-features --test contract; fi
fi
# Both workspaces share the target folder.
(cd workshop && cargo build ${profile[@]+"${profile[@]}"} -p bare -p compare)
run=("$target/$kind/compare" --program "$target/$kind/genkit-endpoints" --bare "$target/$kind/bare"
  ${arguments[@]+"${arguments[@]}"})
# 8,000 streams are 16,000 open files on either side.
ulimit -n "$(ulimit -Hn)"
# The servers have the first processor to themselves.
if (($(nproc) > 1)); then run=(taskset -c "1-$(($(nproc) - 1))" "${run[@]}"); fi
"${run[@]}"
