#!/usr/bin/env bash
# Makes this copy a project of your own: drops what you do not want and the template's own parts, and renames it.
# `scripts/eject.sh --help` says how, docs/eject.md says more. Compiles scripts/eject/ with rustc alone: it needs
# no network.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p target
echo 'Compiling scripts/eject (5 to 20 seconds)…' >&2
rustc --edition 2024 -O scripts/eject/main.rs -o target/eject
exec target/eject "$@"
