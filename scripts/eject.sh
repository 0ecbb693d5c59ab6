#!/usr/bin/env bash
# Makes the project yours: drops the adapters you do not want and workshop/, which is for those who keep the
# template, and renames the project if you like.
#
#   scripts/eject.sh --keep poem                     # axum and actix go
#   scripts/eject.sh --drop actix --drop grpc --drop redis --name my-project
#   scripts/eject.sh --keep axum --dry-run           # only says what it would do
#
# Dropping an adapter is three edits: its folder, its line in Cargo.toml, its row in src/adapters.rs. If it was
# the default feature, another one becomes it. A name is letters, digits and dashes, a letter first.
set -euo pipefail
cd "$(dirname "$0")/.."

all=(axum actix poem)
# What belongs to gRPC alone, beside its folder, line and row.
grpc_files=(proto tests/grpc examples/grpc_call.rs examples/grpc_client.py examples/grpc_stream.rs
  scripts/test_grpc_endpoints.sh)
drop=' ' keep=' ' name='' dry=''
usage() {
  sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
  exit 64
}
known() {
  local it
  for it in "${all[@]}" grpc redis; do [[ $it == "$1" ]] && return; done
  echo "There is nothing to drop called $1; there are: ${all[*]} grpc redis" >&2
  exit 64
}
while (($#)); do
  case $1 in
  --drop) known "${2:-}" && drop+="$2 " && shift 2 ;;
  --keep) known "${2:-}" && keep+="$2 " && shift 2 ;;
  --name)
    name=${2:-}
    [[ $name =~ ^[a-z][a-z0-9-]*[a-z0-9]$ ]] || usage
    shift 2
    ;;
  --dry-run) dry=1 && shift ;;
  *) usage ;;
  esac
done
left=() going=()
for it in "${all[@]}"; do
  [[ -d adapters/$it ]] || continue
  if [[ $drop == *" $it "* || ($keep != ' ' && $keep != *" $it "*) ]]; then going+=("$it"); else left+=("$it"); fi
done
if ((${#left[@]} == 0)); then
  echo "Nothing would be left to serve." >&2
  exit 64
fi

# gRPC goes only when it is told to: it is served beside whichever framework stays.
if [[ $drop == *' grpc '* && -d adapters/grpc ]]; then going+=(grpc); fi

say() { echo "${dry:+would }$*"; }
# edit FILE SED-ARGS…: in place, with any sed.
edit() {
  local file=$1
  shift
  sed "$@" "$file" >"$file.edited" && cat "$file.edited" >"$file" && rm "$file.edited"
}

for it in ${going[@]+"${going[@]}"}; do
  say "drop adapters/$it, its line in Cargo.toml and its row in src/adapters.rs"
  [[ -z $dry ]] || continue
  edit Cargo.toml -e "/^$it = { package = \"adapter-$it\"/d"
  edit src/adapters.rs -e "/#\[cfg(feature = \"$it\")\]/d" -e "/^ *$it::ADAPTER,/d"
  rm -r "adapters/$it"
  if [[ $it == grpc ]]; then
    edit Cargo.toml -e 's/^\(default = .*\), "grpc"\]/\1]/'
    # The targets that need the feature: from their header to the next empty line.
    edit Cargo.toml -e '/^# Dropped with the adapter/d' -e '/^\[\[test\]\]$/{N;/"grpc"/{:t' -e 'N;/\n$/!bt' -e 'd;}' -e '}' \
      -e '/^\[\[example\]\]$/{N;/"grpc_/{:e' -e 'N;/\n$/!be' -e 'd;}' -e '}'
    edit Containerfile -e 's/ADAPTER,grpc/ADAPTER/' -e 's/ 50051$//' -e 's/ -p 50051:50051//'
    edit README.md -e 's/ -p 50051:50051//'
    rm -rf "${grpc_files[@]}"
  fi
done
# Redis is no adapter, but goes as easily: its folder, its line, its function in src/replicas.rs.
if [[ $drop == *' redis '* && -d redis ]]; then
  say "drop redis/, its line in Cargo.toml and its function in src/replicas.rs"
  if [[ -z $dry ]]; then
    edit Cargo.toml -e '/^redis = { package = "flow-redis"/d' -e '/^# Not an adapter, but dropped alike/d' \
      -e 's/"redis", "adapters/"adapters/'
    edit src/replicas.rs -e '/^\/\/\/ Whether the store could be connected/,/^}$/d' -e '/^\/\/\/ Connects in the background/,/^}$/d' -e '/^#\[cfg(not(feature = "redis"))\]$/d' \
      -e 's/cfg!(feature = "redis")/false/'
    edit Containerfile -e 's/,redis"/"/'
    rm -rf redis
  fi
fi
if [[ -d workshop ]]; then
  say "drop workshop/"
  [[ -n $dry ]] || rm -r workshop
fi
default=$(sed -n 's/^default = \["\([a-z]*\)".*/\1/p' Cargo.toml)
if [[ " ${left[*]} " != *" $default "* ]]; then
  say "make ${left[0]} the default feature and the container's adapter"
  if [[ -z $dry ]]; then
    edit Cargo.toml -e "s/^default = \[\"$default\"/default = [\"${left[0]}\"/"
    edit Containerfile -e "s/^ARG ADAPTER=.*/ARG ADAPTER=${left[0]}/"
  fi
fi
if [[ -n $name ]]; then
  say "rename the project to $name"
  if [[ -z $dry ]]; then
    # Every text but this script, the licence and the lock file, which cargo writes anew.
    grep -rlI --exclude-dir=target --exclude-dir=.git --exclude=eject.sh --exclude=Cargo.lock --exclude=LICENSE \
      'genkit[-_]endpoints' . | while read -r file; do
      edit "$file" -e "s/genkit_endpoints/${name//-/_}/g" -e "s/genkit-endpoints/$name/g"
    done
  fi
fi
if [[ -z $dry ]]; then
  # Imports are sorted by name, and gaps have closed.
  cargo fmt --all
  echo "Left: ${left[*]}. Next: cargo test. What README.md, ARCHITECTURE.md, SECURITY.md and docs/ say is yours to edit."
fi
