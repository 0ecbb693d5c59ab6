#!/usr/bin/env bash
# Rehearses the ejection: in scratch copies, ejects and renames, and runs there what the new project's owner would.
#
#   workshop/scripts/check_eject.sh                  # one of the twelve combinations
#   workshop/scripts/check_eject.sh --all
#   workshop/scripts/check_eject.sh poem,grpc,none   # FRAMEWORK[,grpc][,none]; none: without sample flows
#   workshop/scripts/check_eject.sh --no-tests axum  # without tests/: lints of the program instead of .ci/run quick, and
#                                                    # it is checked, not built
#
# All copies share one target folder (CARGO_TARGET_DIR), so that dependencies compile once. KEEP=1 keeps the copies.
set -euo pipefail
cd "$(dirname "$0")/../.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-/tmp/genkit-endpoints-eject/target}
export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=${CARGO_PROFILE_DEV_DEBUG:-none}
name=my-flows
root=$PWD
tools=${CI_TOOLS:-/tmp/genkit-endpoints-ci}

tests=1 build=build
combinations=()
for argument in "$@"; do
  case $argument in
  --no-tests) tests='' build=check ;;
  --all)
    for framework in axum actix poem; do
      combinations+=("$framework" "$framework,none" "$framework,grpc" "$framework,grpc,none")
    done
    ;;
  *) combinations+=("$argument") ;;
  esac
done
((${#combinations[@]})) || combinations=('actix,none')

scratch=$(mktemp -d)
[[ -n ${KEEP:-} ]] || trap 'rm -rf "$scratch"' EXIT

step() {
  local title=$1 since=$SECONDS
  shift
  if "$@" >"$scratch/output" 2>&1; then
    printf '%s: %-28s ok, %d s\n' "$combination" "$title" $((SECONDS - since))
  else
    printf '%s: %-28s FAILED, %d s\n' "$combination" "$title" $((SECONDS - since))
    tail -n 60 "$scratch/output"
    exit 1
  fi
}

# The words of what is dropped, as a Perl pattern. `history` and github.com/fullstorydev are no stories, and a log line's `grpc_status` is the edge's own.
words() {
  local framework
  printf 'genkit.endpoints|workshop'
  for framework in axum actix poem; do
    [[ $combination == *$framework* ]] || printf '|%s' "$framework"
  done
  [[ $combination == *grpc* ]] || printf '|grpc(?!_status)|tonic|50051|sentry'
  [[ $combination != *none* ]] ||
    printf '|otlp|otel_|joke|(?<!hi)(?<!full)story|stories|pirate|translat|rpg|%s.%s|%s.%s|%s.%s|%s.%s' \
      describe image generate character generate code review code
}

no_word_is_left() {
  local pattern places
  pattern=$(words)
  if [[ -n $tests ]]; then places=(.); else mapfile -t places < <(find . -mindepth 1 -maxdepth 1 ! -name tests); fi
  ! grep -rniIP "$pattern" --exclude-dir=target --exclude={'CHANGELOG*','LICENSE*',Cargo.lock} "${places[@]}" &&
    ! find "${places[@]}" -path ./target -prune -o -type f -print | grep -iP "$pattern"
}

eject() {
  scripts/eject.sh --keep "$framework" "${arguments[@]}" --name "$name"
}

twice_is_once() {
  mkdir "$copy.before" &&
    tar --exclude ./target -cf - . | tar -xf - -C "$copy.before" &&
    eject &&
    diff -r --exclude target "$copy.before" .
}

book() {
  if [[ ! -x $tools/venv/bin/mdbook ]]; then
    echo "skipped: there is no mdbook in $tools/venv/bin"
  else
    "$root/workshop/scripts/check_docs.py" --book . "$tools"
  fi
}

# As the Containerfile has it, but for what takes minutes and changes no code; a named target would compile all anew.
container_build() {
  local command
  command=$(sed -n '/^RUN cargo auditable build/,/[^\\]$/p' Containerfile | sed -e '$d' -e 's/^RUN //' -e 's/&& \\$//' -e 's/--target "[^"]*"//')
  [[ $command == *--features* ]] || return 1
  command=${command/--release/--offline}
  FEATURES=$(sed -n 's/^ARG FEATURES=//p' Containerfile) bash -euc "${command/cargo auditable build/cargo $build}"
}

quick() {
  if [[ -n $tests ]]; then
    .ci/run quick
  else
    cargo fmt --all --check && scripts/eject.sh --check &&
      cargo clippy --workspace --all-features -- -D warnings
  fi
}

for combination in "${combinations[@]}"; do
  framework=${combination%%,*}
  copy=$scratch/$combination
  arguments=()
  dropped=()
  [[ $combination == *grpc* ]] || dropped+=(grpc redis sentry)
  # So telemetry is rehearsed with and without both.
  [[ $combination != *none* ]] || dropped+=(telemetry)
  ((! ${#dropped[@]})) || arguments+=(--drop "${dropped[@]}")
  [[ $combination != *none* ]] || arguments+=(--flows none)
  mkdir "$copy"
  git ls-files --cached --others --exclude-standard -z | xargs -0 tar -cf - | tar -xf - -C "$copy"
  (
    cd "$copy"
    step 'eject' eject
    # In the shared target folder the packages of another copy have the same names, and some would pass for these.
    cargo clean --quiet --workspace
    step 'no word of what went' no_word_is_left
    step 'twice is once' twice_is_once
    step 'the book and its links' book
    step 'the quick checks' quick
    step "cargo $build --locked" cargo "$build" --locked
    step "the container's build" container_build
  )
done
