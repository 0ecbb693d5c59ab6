#!/usr/bin/env bash
# Development mode: pages at /, open CORS, readable logs, the demo model without a key.
#
#   scripts/run.sh
#   scripts/run.sh --framework NAME        # compiles this adapter in and serves it
#   scripts/run.sh --server hyper --port 9090
#
# Every argument goes to the program. With watchexec installed it starts again when a file changes.
set -euo pipefail
cd "$(dirname "$0")/.."

features=()
for ((i = 1; i <= $#; i++)); do
  case ${!i} in
  --framework)
    next=$((i + 1))
    features=(--features "${!next:-}")
    ;;
  --framework=*) features=(--features "${!i#*=}") ;;
  esac
done

command=(cargo run ${features[@]+"${features[@]}"} -- --debug "$@")
if command -v watchexec >/dev/null; then
  exec watchexec --restart --watch api --watch src --watch crates --watch adapters --watch prompts \
    --exts rs,toml,prompt -- "${command[@]}"
fi
exec "${command[@]}"
