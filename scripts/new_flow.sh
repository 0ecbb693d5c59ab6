#!/usr/bin/env bash
# Adds a flow to this project, as docs/add-a-flow.md tells: its types, its work, its routes and its rows in the documents.
# `scripts/new_flow.sh --help` says how. Compiles scripts/new_flow/ with rustc alone: it needs no network.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p target
rustc --edition 2024 -O scripts/new_flow/main.rs -o target/new_flow
exec target/new_flow "$@"
