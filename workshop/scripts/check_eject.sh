#!/usr/bin/env bash
# Rehearses the ejection: for each adapter, in a scratch copy, drops the other two and holds format, clippy
# and tests against what is left. Shares the target folder, so only our own crates are compiled again.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for keep in axum actix poem; do
  [[ -d adapters/$keep ]] || continue
  echo "::: keeping only $keep"
  rm -rf "${scratch:?}/copy" && mkdir "$scratch/copy"
  git ls-files --cached --others --exclude-standard -z | xargs -0 tar -cf - | tar -xf - -C "$scratch/copy"
  (
    cd "$scratch/copy"
    # One of them without gRPC and Redis and under a name of its own, as the README tells people to.
    more=()
    if [[ $keep == poem ]]; then more=(--drop grpc --drop redis --name my-flows); fi
    scripts/eject.sh --keep "$keep" ${more[@]+"${more[@]}"}
    grep --quiet "^ARG ADAPTER=$keep" Containerfile
    cargo fmt --all --check
    cargo clippy --quiet --workspace --all-targets --all-features -- -D warnings
    # Tests that wait until a client has not read for half a minute have passed where nothing was dropped.
    cargo test --quiet --workspace -- --skip does_not_read
  )
done
