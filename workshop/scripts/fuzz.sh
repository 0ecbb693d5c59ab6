#!/usr/bin/env bash
# Fuzzes what reads bytes from outside: each target for so many seconds, then a table of what came of it.
#
#   workshop/scripts/fuzz.sh [SECONDS] [TARGET…]    # 600 seconds, every target; JOBS=2 runs two at a time
#
# Fails on any finding. The input that makes it is kept in workshop/fuzz/artifacts; workshop/fuzz/README.md says what to do with it.
# What a run learns stays in workshop/fuzz/corpus, and the next one goes on from there.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=600
if [[ ${1:-} =~ ^[0-9]+$ ]]; then
  seconds=$1
  shift
fi
all=()
for path in fuzz/fuzz_targets/*; do all+=("$(basename "$path" .rs)"); done
targets=("${@:-${all[@]}}")
for target in "${targets[@]}"; do
  [[ " ${all[*]} " == *" $target "* ]] || { echo "no target $target among: ${all[*]}" >&2 && exit 2; }
done
if ! cargo fuzz --version >/dev/null 2>&1; then
  echo 'cargo-fuzz is missing: cargo install --locked cargo-fuzz (it needs a C++ compiler, too)' >&2
  exit 2
fi
# The instrumentation needs options that only nightly compilers take, or stable ones that are told to.
if [[ $(rustc --version) != *nightly* ]]; then export RUSTC_BOOTSTRAP=1; fi
sanitizer=${SANITIZER:-address}

mkdir -p fuzz/logs
for target in "${targets[@]}"; do
  echo "::: building $target"
  cargo fuzz build --fuzz-dir fuzz --sanitizer "$sanitizer" "$target"
done

run() {
  local target=$1 known=()
  mkdir -p "fuzz/corpus/$target" "fuzz/artifacts/$target"
  if [[ -f fuzz/dict/$target.dict ]]; then known=("-dict=fuzz/dict/$target.dict"); fi
  local status=0
  cargo fuzz run --fuzz-dir fuzz --sanitizer "$sanitizer" "$target" "fuzz/corpus/$target" "fuzz/corpus-seeds/$target" -- \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -print_funcs=0 \
    ${known[@]+"${known[@]}"} >"fuzz/logs/$target.log" 2>&1 || status=$?
  echo "$status" >"fuzz/logs/$target.status"
}
started=$(mktemp)
trap 'rm -f "$started"' EXIT
for target in "${targets[@]}"; do
  while (($(jobs -rp | wc -l) >= ${JOBS:-1})); do wait -n || true; done
  echo "::: $target, $seconds s"
  run "$target" &
done
wait

# number LOG PATTERN: the last number that follows the pattern.
number() { grep -ao "$2 *[0-9]\+" "$1" | tail -n 1 | grep -o '[0-9]*$' || echo '?'; }
findings=0
row='%-12s %12s %9s %9s %9s %s\n'
# shellcheck disable=SC2059
printf "$row" target executions edges features seconds findings
for target in "${targets[@]}"; do
  log=fuzz/logs/$target.log
  found=$(find "fuzz/artifacts/$target" -type f -newer "$started" | wc -l)
  # One that neither ends well nor leaves an input has failed all the same.
  if [[ $found == 0 && $(<"fuzz/logs/$target.status") != 0 ]]; then found="failed, see $log"; fi
  if [[ $found != 0 ]]; then findings=1; fi
  # shellcheck disable=SC2059
  printf "$row" "$target" "$(number "$log" 'stat::number_of_executed_units:')" "$(number "$log" ' cov:')" \
    "$(number "$log" ' ft:')" "$(number "$log" ' runs in')" "$found"
done
for target in "${targets[@]}"; do
  find "fuzz/artifacts/$target" -type f -newer "$started" -exec echo "finding: {}" \;
done
exit "$findings"
