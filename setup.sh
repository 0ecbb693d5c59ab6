#!/usr/bin/env bash
# Installs what this project needs on this machine: macOS (Homebrew), Debian, Ubuntu, Fedora.
#
#   ./setup.sh            # what the build needs: a C compiler, Rust by rustup
#   ./setup.sh --all      # and the tools of the justfile, as far as the system's packages have them
#   ./setup.sh --check    # says what is there and what is missing, and changes nothing
#
# It can run again: what is there stays. Packages are installed by sudo where it is not root. RUSTUP_DIST_SERVER and
# RUSTUP_UPDATE_ROOT name a mirror of rustup's server, as rustup has them.
# Exit code: 0 when all that is needed is there; 1 when something of it is missing, or could not be installed.
set -euo pipefail
cd "$(dirname "$0")"

mode=needed faults=()
for argument in "$@"; do
  case $argument in
  --help | -h)
    sed -n '2,10s/^# \{0,1\}//p' "$0"
    exit
    ;;
  --all) mode=all ;;
  --check) mode=check ;;
  *) faults+=("no such option: $argument") ;;
  esac
done
if ((${#faults[@]})); then
  printf '%s\n' "${faults[@]}" "$0 --help lists the options" >&2
  exit 64
fi

# rustup's folder, in which a shell that was opened before may not look.
PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
oldest=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

# ---- The system ----

case $(uname -s) in
Darwin) system=macos ;;
Linux)
  # shellcheck source=/dev/null
  system=$(. /etc/os-release && echo " ${ID:-} ${ID_LIKE:-} ")
  case $system in
  *' debian '* | *' ubuntu '*) system=debian ;;
  *' fedora '*) system=fedora ;;
  *) system=other ;;
  esac
  ;;
*) system=other ;;
esac

as_root() {
  if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# install PACKAGE…: by the system's own means.
install() {
  echo "installing: $*"
  case $system in
  macos)
    have brew || {
      echo "Homebrew is missing: https://brew.sh" >&2
      return 1
    }
    brew install --quiet "$@"
    ;;
  debian)
    [[ -n ${lists_are_new:-} ]] || as_root apt-get update --quiet=2
    lists_are_new=1
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends "$@" >/dev/null
    ;;
  fedora) as_root dnf install --quiet --assumeyes "$@" ;;
  other)
    echo "this system is not known here: install them by hand" >&2
    return 1
    ;;
  esac
}

# ---- What is there ----

have() { command -v "$1" >/dev/null; }

has_compiler() {
  case $system in
  # There `cc` is always found, and asks to be installed.
  macos) xcode-select --print-path >/dev/null 2>&1 ;;
  *) have cc && echo 'int main(void) { return 0; }' | cc -include stdlib.h -x c -o /dev/null - 2>/dev/null ;;
  esac
}

# The version of the compiler that cargo takes here.
rust_version() { rustc --version 2>/dev/null | cut -d' ' -f2; }

has_rust() {
  local version
  have cargo && version=$(rust_version) && [[ -n $version ]] &&
    [[ $(printf '%s\n' "$oldest" "${version%%-*}" | sort -V | head -n 1) == "$oldest" ]]
}

missing=0
# report WHAT STATE [WHY]
report() { printf '%-15s %-8s %s\n' "$1" "$2" "${3:-}"; }

needed() {
  local name=$1 test=$2 install=$3 what=$4
  if ! "$test" && [[ $mode != check ]]; then "$install" || true; fi
  if "$test"; then
    report "$name" ok "$what"
  else
    report "$name" MISSING "$what"
    missing=$((missing + 1))
  fi
}

# useful PROGRAM WHAT BREW APT DNF [OTHERWISE]: `-` where the system has no such package.
useful() {
  local program=$1 what=$2 package otherwise=${6:-}
  case $system in
  macos) package=$3 ;;
  debian) package=$4 ;;
  fedora) package=$5 ;;
  *) package=- ;;
  esac
  if ! have "$program" && [[ $mode == all && $package != - ]]; then install "$package" || true; fi
  if have "$program"; then
    report "$program" ok "$what"
  elif [[ $package != - ]]; then
    report "$program" absent "$what; package $package${otherwise:+, or $otherwise}"
  else
    report "$program" absent "$what${otherwise:+; $otherwise}"
  fi
}

# ---- How the needed things are installed ----

install_compiler() {
  case $system in
  macos)
    xcode-select --install || true
    echo "a window of macOS goes on with the compiler; then run this again"
    ;;
  debian) install gcc libc6-dev ;;
  *) install gcc glibc-devel ;;
  esac
}

install_curl() {
  case $system in
  debian) install curl ca-certificates ;;
  *) install curl ;;
  esac
}

install_rust() {
  local script
  if have rustup; then
    # Not `update`, which would change other toolchains, too.
    echo "installing: the newest stable Rust"
    rustup toolchain install stable --no-self-update --profile minimal --component clippy --component rustfmt || return
    # The default may be a version by its number, as in Docker's images of Rust.
    has_rust || rustup override set stable
    return
  fi
  if have cargo; then
    echo "there is Rust $(rust_version), older than $oldest and not from rustup; rustup's goes beside it"
  fi
  echo "installing: rustup and the newest stable Rust"
  script=$(mktemp)
  curl --proto '=https' --tlsv1.2 --silent --show-error --fail --location \
    "${RUSTUP_UPDATE_ROOT:-https://static.rust-lang.org/rustup}/rustup-init.sh" --output "$script" &&
    RUSTUP_INIT_SKIP_PATH_CHECK=yes sh "$script" -y --quiet --default-toolchain stable --profile minimal \
      --component clippy --component rustfmt
  rm -f "$script"
  PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
  hash -r
  new_rust=1
}

has_curl() { have curl; }

# ---- All of it ----

echo "needed for the build:"
needed 'C compiler' has_compiler install_compiler 'TLS is C inside'
if ! has_rust; then needed curl has_curl install_curl 'fetches rustup'; fi
needed Rust has_rust install_rust "$oldest or later, and cargo"

echo
echo "useful:"
useful git 'history; scripts/eject.sh looks whether all is committed' git git git
useful just 'the recipes of the justfile' just just just 'cargo install --locked just'
useful jq 'reads answers' jq jq jq
useful podman 'containers; docker does as well' podman podman podman
useful shellcheck 'just lint' shellcheck shellcheck ShellCheck
useful shfmt 'just fmt, just lint' shfmt shfmt shfmt
useful typos 'just lint' typos-cli - - 'cargo install --locked typos-cli'
useful hadolint 'just lint' hadolint - - 'https://github.com/hadolint/hadolint/releases'
useful cargo-deny 'just licenses, just audit' cargo-deny - - 'cargo install --locked cargo-deny'
useful cargo-cyclonedx 'just sbom' - - - 'cargo install --locked cargo-cyclonedx'
useful watchexec 'scripts/run.sh starts again after an edit' watchexec - - 'cargo install --locked watchexec-cli'
useful mdbook 'the documents as a book' mdbook - - 'cargo install --locked mdbook'
useful k6 'scripts/load_test' k6 - - 'https://grafana.com/docs/k6/latest/set-up/install-k6/'
# eject: grpc
useful buf 'just proto' buf - - 'https://buf.build/docs/cli/installation/'
useful grpcurl 'just test-grpc-endpoints' grpcurl - - 'go install github.com/fullstorydev/grpcurl/cmd/grpcurl@latest'
useful grpcui 'just grpcui' grpcui - - 'go install github.com/fullstorydev/grpcui/cmd/grpcui@latest'
# eject: end
# eject: redis
useful redis-server 'tests of the state that replicas share' redis redis-server redis
# eject: end
# eject: reflection telemetry
useful genkit "Genkit's developer tools" - - - 'npm install --global genkit-cli'
# eject: end
useful dotenvx 'encrypted files of settings' dotenvx/brew/dotenvx - - 'npm install --global @dotenvx/dotenvx'

echo
if ((missing)); then
  echo "$missing of what is needed is missing"
  [[ $mode != check ]] || echo "./setup.sh installs it"
  exit 1
fi
echo "Ready: cargo run, cargo test --workspace --all-features"
[[ -z ${new_rust:-} ]] || echo "In this shell first: . \"\${CARGO_HOME:-\$HOME/.cargo}/env\""
