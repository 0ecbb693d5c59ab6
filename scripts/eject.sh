#!/usr/bin/env bash
# Makes the project yours: drops the adapters you do not want, and renames the package if you like.
#
#   scripts/eject.sh --keep poem                     # axum and actix go
#   scripts/eject.sh --drop actix --name my-project
#   scripts/eject.sh --keep axum --dry-run           # only says what it would do
#
# Dropping an adapter is three edits: its folder, its line in Cargo.toml, its row in src/adapters.rs.
set -euo pipefail
cd "$(dirname "$0")/.."

all=(axum actix poem)
drop=() keep=() name='' dry=''
usage() {
  sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
  exit 64
}
while (($#)); do
  case $1 in
  --drop) drop+=("${2:?}") && shift 2 ;;
  --keep) keep+=("${2:?}") && shift 2 ;;
  --name) name=${2:?} && shift 2 ;;
  --dry-run) dry=1 && shift ;;
  *) usage ;;
  esac
done
has() {
  local wanted=$1 it
  shift
  for it in "$@"; do [[ $it == "$wanted" ]] && return 0; done
  return 1
}
for it in "${drop[@]}" "${keep[@]}"; do
  has "$it" "${all[@]}" || { echo "There is no adapter called $it; there are: ${all[*]}" >&2 && exit 64; }
done
if ((${#keep[@]})); then
  for it in "${all[@]}"; do has "$it" "${keep[@]}" || drop+=("$it"); done
fi
left=()
for it in "${all[@]}"; do
  if [[ -d adapters/$it ]] && ! has "$it" "${drop[@]}"; then left+=("$it"); fi
done
if ((${#left[@]} == 0)); then
  echo "Nothing would be left to serve." >&2
  exit 64
fi

say() { echo "${dry:+would }$*"; }
for it in "${drop[@]}"; do
  [[ -d adapters/$it ]] || continue
  say "drop adapters/$it, its line in Cargo.toml and its row in src/adapters.rs"
  [[ -n $dry ]] && continue
  rm -r "adapters/$it"
  sed -i "/^$it = { package = \"adapter-$it\"/d" Cargo.toml
  sed -i "/#\[cfg(feature = \"$it\")\]/d; /^ *$it::ADAPTER,/d" src/adapters.rs
done
if ! has "$(sed -n 's/^default = \["\([a-z]*\)".*/\1/p' Cargo.toml)" "${left[@]}"; then
  say "make ${left[0]} the default feature"
  [[ -n $dry ]] || sed -i "s/^default = \[\"[a-z]*\"/default = [\"${left[0]}\"/" Cargo.toml
fi
if [[ -n $name ]]; then
  say "rename the package to $name"
  if [[ -z $dry ]]; then
    sed -i "s/^name = \"genkit-endpoints\"/name = \"$name\"/; s/^default-run = \"genkit-endpoints\"/default-run = \"$name\"/" Cargo.toml
    grep -rlE --exclude=eject.sh 'genkit[-_]endpoints' src tests examples scripts Containerfile 2>/dev/null |
      xargs -r sed -i "s/genkit_endpoints/${name//-/_}/g; s/CARGO_BIN_EXE_genkit-endpoints/CARGO_BIN_EXE_$name/g; s#/genkit-endpoints#/$name#g"
  fi
fi
[[ -n $dry ]] || echo "Left: ${left[*]}. Next: cargo test"
