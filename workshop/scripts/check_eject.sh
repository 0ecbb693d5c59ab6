#!/usr/bin/env bash
# Rehearses the ejection: for each framework, in a scratch copy, drops the other two and runs what is left of
# .ci/run there. Shares the target folder, so only our own crates are compiled again.
#
#   workshop/scripts/check_eject.sh
#   FRAMEWORKS=poem workshop/scripts/check_eject.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for keep in ${FRAMEWORKS:-axum actix poem}; do
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
    if [[ -e workshop ]]; then echo 'workshop/ is still there' >&2 && exit 1; fi
    # What a deletion leaves behind; the script itself may speak of what it deletes.
    if grep -rn --exclude-dir=target --exclude=eject.sh 'path = "[./]*workshop' .; then exit 1; fi
    .ci/run
  )
done
