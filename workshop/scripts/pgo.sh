#!/usr/bin/env bash
# Builds the program twice, the second time with what the compiler learned of the first under load (profile-guided
# optimization), to see what that gives: measure the result with `compare --program`.
#
#   workshop/scripts/pgo.sh    # about 25 minutes on two cores
#
# Needs llvm-profdata (rustup component add llvm-tools) and setpriv (util-linux).
set -euo pipefail
cd "$(dirname "$0")/../.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
host=$(rustc -vV | sed -n 's/^host: //p')
profdata=$(rustc --print sysroot)/lib/rustlib/$host/bin/llvm-profdata
if [[ ! -x $profdata ]]; then
  echo "No llvm-profdata in the toolchain: rustup component add llvm-tools" >&2
  exit 69
fi
data=$target/pgo-data
rm -rf "$data"
mkdir -p "$data"

# With --target, build scripts and macros are compiled without the flags.
build() {
  BUILD_COMMIT=$(git rev-parse --short HEAD)-pgo RUSTFLAGS=$1 \
    cargo build --release --all-features --target "$host" --target-dir "$target/pgo"
}

build "-Cprofile-generate=$data"
cp "$target/pgo/$host/release/genkit-endpoints" "$data/trained"
(cd workshop && cargo build --release -p bare -p compare)

# The comparison kills its servers, and a profile is written at an orderly end: the server is told when its parent dies.
cat >"$data/server" <<EOF
#!/bin/sh
setpriv --pdeathsig TERM "$data/trained" "\$@"
EOF
chmod +x "$data/server"
for workload in health translate joke stream grpc large gzip; do
  # A slow server is no failure here.
  "$target/release/compare" --program "$data/server" --bare "$target/release/bare" --out "$data/report" \
    --rounds 1 --only "$workload" --except s- || true
done
sleep 10
"$profdata" merge -o "$data/merged.profdata" "$data"/*.profraw
build "-Cprofile-use=$data/merged.profdata"
echo "Built: $target/pgo/$host/release/genkit-endpoints"
