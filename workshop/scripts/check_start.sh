#!/usr/bin/env bash
# What somebody does who starts a project of their own: cargo generate, scripts/eject.sh, scripts/new_flow.sh.
#
#   workshop/scripts/check_start.sh [OPTION…]
#
#   --trees        only: cargo generate and eject.sh make the same tree of the same choices (1 minute, no compiler)
#   --generate     only: the same, and each of these trees builds with all its tests, and its contract suite passes
#   --tests N      of the trees, only the first N run their tests (all of them)
#   --flows        only: new_flow.sh, in the template and in three ejected copies; the new flows are called
#   --tools TOOLS  a folder with venv/bin/grpcurl, to call them over gRPC, too
#
# ONLY=PATTERN is for those whose choices fit that Bash pattern alone, such as ONLY='*poem*'.
# Needs cargo-generate (cargo install --locked cargo-generate). All copies share one target folder (CARGO_TARGET_DIR).
# Exit code: 0 when all holds, 1 when something does not, 64 for bad arguments.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-/tmp/genkit-endpoints-start/target}
export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=${CARGO_PROFILE_DEV_DEBUG:-none}
# cargo-generate wants an author, and git a committer.
export USER=${USER:-nobody} RUST_BACKTRACE=0
export GIT_AUTHOR_NAME=start GIT_AUTHOR_EMAIL=start@localhost GIT_COMMITTER_NAME=start GIT_COMMITTER_EMAIL=start@localhost
name=my-flows

# FRAMEWORK | what is dropped | sample flows
choices=(
  'axum||none'
  'poem|grpc|tell_joke'
  'actix|redis sentry|all'
  'axum|grpc redis sentry telemetry dev-ui|none'
  'actix|telemetry|tell_story,generate_code'
  'poem|reflection|none'
  'all|dev-ui|pirate_chat'
  'actix|grpc redis sentry reflection|all'
  'all||all'
)

trees='' generate='' flows='' tests=${#choices[@]} tools=() faults=()
while (($#)); do
  case $1 in
  --trees) trees=1 ;;
  --generate) trees=1 generate=1 ;;
  --flows) flows=1 ;;
  --tests)
    if [[ ${2:-} =~ ^[0-9]+$ ]]; then tests=$2; else faults+=('--tests needs a number'); fi
    [[ ${2:---} == --* ]] || shift
    ;;
  --tools)
    if [[ -d ${2:-} ]]; then tools=(--tools "$(realpath "$2")"); else faults+=('--tools needs a folder'); fi
    [[ ${2:---} == --* ]] || shift
    ;;
  --help)
    sed -n '2,/^set /s/^# \{0,1\}//p' "$0" | sed '$d'
    exit 0
    ;;
  *) faults+=("$1 is not understood") ;;
  esac
  shift
done
if ((${#faults[@]})); then
  printf '%s\n' "${faults[@]}" '--help says more.' >&2
  exit 64
fi
[[ -n $trees || -n $flows ]] || trees=1 generate=1 flows=1
if [[ -n $trees ]] && ! cargo generate --version >/dev/null 2>&1; then
  echo 'cargo-generate is missing: cargo install --locked cargo-generate' >&2
  exit 1
fi

scratch=$(mktemp -d)
[[ -n ${KEEP:-} ]] || trap 'rm -rf "$scratch"' EXIT

# step TITLE COMMAND…
step() {
  local title=$1 since=$SECONDS
  shift
  if "$@" >"$scratch/output" 2>&1; then
    printf '  %-44s ok, %d s\n' "$title" $((SECONDS - since))
  else
    printf '  %-44s FAILED, %d s\n' "$title" $((SECONDS - since))
    tail -n 60 "$scratch/output"
    exit 1
  fi
}

# The files as they are now, committed or not, as a repository.
template() {
  mkdir "$scratch/template"
  git ls-files --cached --others --exclude-standard -z |
    while IFS= read -r -d '' file; do if [[ -e $file ]]; then printf '%s\0' "$file"; fi; done |
    tar --null -T - -cf - | tar -xf - -C "$scratch/template"
  git -C "$scratch/template" init --quiet
  git -C "$scratch/template" add --all
  git -C "$scratch/template" commit --quiet --message 'The template'
}

copy() { git clone --quiet "$scratch/template" "$1"; }

# refused TEXT COMMAND…: it must fail and say so.
refused() {
  local text=$1 said
  shift
  if said=$("$@" 2>&1); then
    echo "was not refused: $*" && return 1
  fi
  grep --quiet --fixed-strings -- "$text" <<<"$said" || { echo "$said" && return 1; }
}

generated() {
  local from=(--git "$scratch/template") define=("--define" "framework=$framework" "--define" "flows=$flows_kept") part
  for part in $dropped; do define+=(--define "$part=false"); done
  # The last one from a folder, with what a used one has.
  if [[ $choice == "${choices[-1]}" ]]; then
    copy "$scratch/used"
    mkdir "$scratch/used/target"
    touch "$scratch/used/target/built" "$scratch/used/.env"
    from=(--path "$scratch/used")
  fi
  (cd "$scratch/generated" && cargo generate "${from[@]}" --name "$name" --silent --allow-commands "${define[@]}")
}

ejected() {
  local arguments=(--name "$name")
  [[ $framework == all ]] || arguments+=(--keep "$framework")
  # shellcheck disable=SC2206  # names without blanks
  [[ -z $dropped ]] || arguments+=(--drop $dropped)
  [[ $flows_kept == all ]] || arguments+=(--flows "$flows_kept")
  copy "$scratch/ejected" && (cd "$scratch/ejected" && scripts/eject.sh "${arguments[@]}")
}

# `diff` does not see which files are executable.
modes() { (cd "$1" && find . \( -name .git -o -name target \) -prune -o -printf '%m %p\n' | sort); }

same_trees() {
  diff -r --no-dereference --exclude .git --exclude target "$scratch/generated/$name" "$scratch/ejected" &&
    diff <(modes "$scratch/generated/$name") <(modes "$scratch/ejected")
}

nothing_of_cargo_generate_is_left() {
  ! grep -rIl --exclude-dir=.git 'cargo.generate' . && [[ ! -e cargo-generate.toml && ! -e scripts/generate.rhai && ! -e target ]]
}

# In the shared target folder the packages of another copy have the same names, and some would pass for these.
built() { cargo clean --quiet --workspace && cargo test --workspace --all-features --locked --no-run; }

# Of the whole workspace, so that nothing is built again with other features.
contract() { cargo test --workspace --all-features --locked --test contract; }

check_trees() {
  local number=0 choice framework dropped flows_kept
  for choice in "${choices[@]}"; do
    # shellcheck disable=SC2053  # a pattern
    [[ $choice == ${ONLY:-*} ]] || continue
    number=$((number + 1))
    IFS='|' read -r framework dropped flows_kept <<<"$choice"
    echo "::: $framework, without ${dropped:-nothing}, flows: $flows_kept"
    rm -rf "$scratch/generated" "$scratch/ejected"
    mkdir "$scratch/generated"
    step 'cargo generate' generated
    step 'eject.sh' ejected
    step 'the same tree' same_trees
    cd "$scratch/generated/$name"
    step 'nothing of cargo-generate is left' nothing_of_cargo_generate_is_left
    if [[ -n $generate ]]; then
      step 'cargo test --no-run --locked' built
      if ((number <= tests)); then
        step 'the contract suite' contract
        grep -E '^(contract: [0-9]|test result:)' "$scratch/output" | sed 's/^/    /'
      fi
    fi
    cd "$root"
  done
  cd "$scratch"
  echo '::: what cargo generate refuses'
  local call=(cargo generate --git "$scratch/template" --silent)
  step 'a name' refused 'this is a word of Rust' "${call[@]}" --allow-commands --name match
  step 'a flow' refused 'there is no such sample flow' "${call[@]}" --allow-commands --name a-b --define flows=jokes
  step 'no folder is left of these' test ! -e match -a ! -e a-b
  step 'to call eject.sh unasked' refused '--allow-commands' "${call[@]}" --name a-b
  cd "$root"
}

without_warnings() {
  local said
  said=$("$@" 2>&1) || { echo "$said" && return 1; }
  ! grep --fixed-strings warning <<<"$said"
}

new_flows() {
  local arguments=()
  [[ ! -d proto ]] || arguments=(--grpc)
  step 'new_flow.sh plan_trip' without_warnings scripts/new_flow.sh plan_trip "${arguments[@]}"
  step 'new_flow.sh tell_tale --stream' without_warnings scripts/new_flow.sh tell_tale --stream "${arguments[@]}"
  git add --all && git commit --quiet --message 'Two flows'
  step 'a name that is taken' refused 'is there already' scripts/new_flow.sh plan_trip
  [[ -d proto ]] || step '--grpc without gRPC' refused 'There is no option --grpc' scripts/new_flow.sh other --grpc
  step 'formatted' cargo fmt --all --check
  step 'the marks' scripts/eject.sh --check
  # A place that is not there, in a copy of the file alone.
  sed -i 's/^pub trait FlowService/pub trait Flows/' api/src/lib.rs
  step 'a place that is gone' refused 'api/src/lib.rs: it has no "pub trait FlowService"' scripts/new_flow.sh other
  git checkout --quiet api/src/lib.rs
  step 'nothing was changed by what was refused' git diff --exit-code
  cargo clean --quiet --workspace
  local package packages protos=() framework
  package=$(sed -n 's/^name = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
  packages=(-p "$package")
  # In one command, so that what they depend on has the same features and compiles once.
  if [[ -d proto ]]; then packages+=(-p adapter-grpc --lib) && protos=(--protos proto); fi
  step 'its tests: flows, documents, procedures' \
    cargo test "${packages[@]}" --all-features --locked --test flows --test documented
  for framework in axum actix poem; do
    [[ -d adapters/$framework ]] || continue
    step "$framework: REST, SSE, /flows/…${protos:+, gRPC}" python3 "$root/workshop/scripts/add_a_flow_calls.py" \
      "$CARGO_TARGET_DIR/debug/$package" plan_trip tell_tale "${protos[@]}" ${tools[@]+"${tools[@]}"} --framework "$framework"
    sed 's/^/    /' "$scratch/output"
  done
}

check_flows() {
  local copies=('template' '--keep axum --drop redis' '--keep actix --drop grpc --flows none' '--keep poem --flows none') arguments
  for arguments in "${copies[@]}"; do
    # shellcheck disable=SC2053  # a pattern
    [[ $arguments == ${ONLY:-*} ]] || continue
    echo "::: new flows, $arguments"
    rm -rf "$scratch/flows"
    copy "$scratch/flows"
    cd "$scratch/flows"
    if [[ $arguments != template ]]; then
      # shellcheck disable=SC2086  # several words
      step 'eject.sh' scripts/eject.sh $arguments --name "$name"
      git add --all && git commit --quiet --message 'Ejected'
    fi
    new_flows
    cd "$root"
  done
}

template
[[ -z $trees ]] || check_trees
[[ -z $flows ]] || check_flows
echo 'All holds.'
