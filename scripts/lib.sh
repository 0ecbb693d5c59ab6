# What the scripts/deploy_*.sh share. It is sourced, not run. Nothing in it needs more than bash 3.2, which
# macOS has.
# shellcheck shell=bash
#
# A deploy script sets `values` and `flags`, its own options, and calls in this order: parse, its checks,
# stop_at_faults, its steps (step, run, …), smoke_test, finish.

common_help='Options of all deploy scripts:
  --dry-run          Print the command lines of a first deployment; run none, read no secret.
  --dry-run=update   The same for a later deployment, where everything exists.
  --name NAME        Name of the service there.
  --image IMAGE      Deploy this image; build none.
  --features LIST    Cargo features of the image that is built.
  --set NAME=VALUE   A setting of the server; may be repeated. Not for secrets.
  --secret NAME      A setting that is secret; may be repeated. Its value is read from the environment, or asked for.
                     Without this option: GEMINI_API_KEY.
  --no-secret        None, as for --set MODEL=demo.
  --keep-secrets     Leave the values that are stored there.
  --no-check         Leave out scripts/check_deployment.sh at the end.
Exit code: 0; 1 when a step failed; 64 for a wrong option; 69 when a tool is missing or not logged in.'

# shellcheck disable=SC2034
dry='' image='' features='' no_secret='' keep_secrets='' no_check=''
settings=() secrets=() faults=() missing=() undos=() values=() flags=()
title='' ended='' changed=''
retry_wait=${RETRY_WAIT:-10} # seconds

if [[ -t 2 && -z ${NO_COLOR:-} ]]; then
  red=$'\e[31m' green=$'\e[32m' yellow=$'\e[33m' dim=$'\e[2m' plain=$'\e[0m'
else
  red='' green='' yellow='' dim='' plain=''
fi

say() { printf '%s\n' "$*" >&2; }
warn() { say "${yellow}Note:$plain $*"; }

# fault TEXT: what is wrong with the arguments. All faults are named together, by stop_at_faults.
fault() { faults+=("$*"); }

help() {
  sed -n '2,/^set -/s/^# \{0,1\}//p' "$0" | grep -v '^eject: '
  printf '%s\n' "$common_help"
}

# one_of WORD WORDS…
one_of() {
  local word=$1
  shift
  [[ " $* " == *" $word "* ]]
}

# parse ARGUMENTS…: `--my-option X` and `--my-option=X` set my_option, if it is in `values`; those in `flags` set it to 1.
parse() {
  local option value has_value
  while (($#)); do
    option=${1%%=*} value='' has_value=''
    if [[ $1 == --*=* ]]; then value=${1#*=} has_value=1; fi
    shift
    case $option in
    -h | --help)
      help
      exit 0
      ;;
    --dry-run)
      dry=${value:-first}
      one_of "$dry" first update || fault "--dry-run=$value: it is --dry-run or --dry-run=update"
      ;;
    --no-secret | --keep-secrets | --no-check) printf -v "$(variable "$option")" 1 ;;
    *)
      if one_of "$option" ${flags[@]+"${flags[@]}"} && [[ -z $has_value ]]; then
        printf -v "$(variable "$option")" 1
        continue
      elif ! one_of "$option" --name --image --features --set --secret ${values[@]+"${values[@]}"}; then
        fault "$option: there is no such option; --help lists them"
        continue
      fi
      if [[ -z $has_value ]]; then
        if ((! $#)) || [[ $1 == --* ]]; then
          fault "$option: its value is missing"
          continue
        fi
        value=$1
        shift
      fi
      case $option in
      --set) add_setting "$value" ;;
      --secret) add_secret "$value" ;;
      *) printf -v "$(variable "$option")" %s "$value" ;;
      esac
      ;;
    esac
  done
  if [[ -n $no_secret && ${#secrets[@]} -gt 0 ]]; then fault '--no-secret and --secret exclude each other'; fi
  if [[ -z $no_secret ]] && ((! ${#secrets[@]})); then secrets=(GEMINI_API_KEY); fi
  # No tool that is called gets them in its environment.
  for value in ${secrets[@]+"${secrets[@]}"}; do export -n "${value?}"; done
}

variable() {
  local name=${1#--}
  printf %s "${name//-/_}"
}

add_setting() {
  if [[ ! $1 =~ ^[A-Z][A-Z0-9_]*= ]]; then
    fault "--set $1: it is NAME=VALUE, with a NAME like LOG_LEVEL"
  elif [[ $1 == *[[:cntrl:]]* ]]; then
    fault "--set ${1%%=*}: its value has a line break or another control character"
  elif [[ ${1%%=*} =~ (_KEY|_TOKEN|_DSN|_HEADERS|PASSWORD)$ || ${1#*=} =~ ://[^/]*:[^/]*@ ]]; then
    fault "--set ${1%%=*}: it is a secret; give it as --secret ${1%%=*}, and its value in the environment"
  else
    settings+=("$1")
  fi
}

add_secret() {
  if [[ ! $1 =~ ^[A-Z][A-Z0-9_]*$ ]]; then
    # Not repeated: it may be the secret itself.
    fault '--secret: it wants the name of an environment variable, such as GEMINI_API_KEY'
  else
    secrets+=("$1")
  fi
}

# default_setting NAME VALUE: unless --set or --secret said otherwise.
default_setting() {
  local setting
  for setting in ${settings[@]+"${settings[@]}"} ${secrets[@]+"${secrets[@]}"}; do
    [[ ${setting%%=*} != "$1" ]] || return 0
  done
  settings+=("$1=$2")
}

# setting NAME: its value, if --set gave one.
setting() {
  local setting
  for setting in ${settings[@]+"${settings[@]}"}; do
    [[ ${setting%%=*} != "$1" ]] || printf %s "${setting#*=}"
  done
}

# probe_host: a Host that TRUSTED_HOSTS lets in, for health checks; nothing where any host may call.
probe_host() {
  local host
  host=$(setting TRUSTED_HOSTS)
  host=${host%%,*}
  printf %s "${host/'*'/health}"
}

# valid OPTION VALUE PATTERN MEANING
valid() {
  [[ $2 =~ $3 ]] || fault "$1 ${2:-(empty)}: it must be $4"
}

# need PROGRAM HOW-TO-GET-IT
need() {
  command -v "$1" >/dev/null && return
  if [[ -n $dry ]]; then warn "$1 is not installed: $2"; else missing+=("$1 is not installed: $2"); fi
}

# need_login HOW-TO-LOG-IN COMMAND…: the command must succeed and print something.
need_login() {
  local how=$1 output
  shift
  if [[ -n $dry ]] || ! command -v "$1" >/dev/null; then return; fi
  output=$("$@" 2>/dev/null) || output=''
  [[ -n $output ]] || missing+=("$1 is not logged in: $how")
}

# read_secrets: from the environment, or by asking. They stay in variables of this shell.
read_secrets() {
  local name value
  if [[ -n $dry || -n $keep_secrets ]]; then return; fi
  for name in ${secrets[@]+"${secrets[@]}"}; do
    value=${!name:-}
    if [[ -z $value && -t 0 ]]; then
      read -rsp "Value of $name: " value
      say
    fi
    if [[ -z $value ]]; then
      fault "$name is not set: export it; or see --secret, --no-secret and --keep-secrets in --help"
    elif [[ $value == *[[:cntrl:]]* ]]; then
      fault "$name has a line break or another control character"
    fi
    printf -v "$name" %s "$value"
  done
}

# stop_at_faults: the first thing that ends a script, and all that is wrong at once.
stop_at_faults() {
  local it
  for it in ${faults[@]+"${faults[@]}"} ${missing[@]+"${missing[@]}"}; do say "${red}Fault:$plain $it"; done
  if ((${#faults[@]} + ${#missing[@]})); then
    say 'Nothing was changed.'
    ended=1
    if ((${#faults[@]})); then exit 64; else exit 69; fi
  fi
  # Files in it are for this user alone.
  umask 077
  scratch=$(mktemp -d)
}

# undo WHAT COMMAND…: how to take back the step just made.
undo() {
  local what=$1
  shift
  changed=1
  undos+=("$what: $(quoted "$@")")
}

# note WHAT: a change that needs no undoing, or cannot be undone.
note() {
  changed=1
  undos+=("$1")
}

step() {
  title=$1
  say "${green}==$plain $title"
}

# quoted WORDS…: as one would type them.
quoted() {
  local word words='' quote="'"
  for word in "$@"; do
    [[ $word =~ ^[A-Za-z0-9_@%+=:,./~-]+$ ]] || word=$quote${word//"$quote"/"$quote\\$quote$quote"}$quote
    words+="${words:+ }$word"
  done
  printf %s "$words"
}

# literal TEXT: in double quotes, as JSON, YAML and TOML read it.
literal() {
  local back=$'\\' quote='"' text=$1
  text=${text//"$back"/"$back$back"}
  text=${text//"$quote"/"$back$quote"}
  printf '"%s"' "$text"
}

# A command line goes to standard output in a dry run, so that it can be piped away.
show() {
  if [[ -n $dry ]]; then printf '%s\n' "$*"; else say "$dim$*$plain"; fi
}

# run COMMAND…
run() {
  show "$(quoted "$@")"
  [[ -n $dry ]] || "$@" >&2 || give_up $?
}

# run_soon COMMAND…: tried six times, since clouds need a while to see what was just created.
run_soon() {
  local try
  show "$(quoted "$@")"
  [[ -z $dry ]] || return 0
  for try in 1 2 3 4 5; do
    "$@" >&2 && return
    say "Try $try of 6 failed; the next one in $retry_wait s."
    sleep "$retry_wait"
  done
  "$@" >&2 || give_up $?
}

# run_with_secret NAME COMMAND…: the value of NAME is the command's standard input.
run_with_secret() {
  local name=$1
  shift
  show "$(quoted "$@") # standard input: the value of $name"
  # printf is a part of bash, so no other process sees its arguments.
  [[ -n $dry ]] || printf %s "${!name}" | "$@" >&2 || give_up $?
}

# secret_file NAME: sets secret_path to a file of mode 600 with the value of NAME; it is gone when the script ends.
secret_file() {
  secret_path=$scratch/$1
  [[ -n $dry ]] || printf %s "${!1}" >"$secret_path"
}

# exists COMMAND…: whether the command finds what it asks for. Another failure than `not found` ends the script.
exists() {
  local output code=0
  if [[ -n $dry ]]; then
    show "$(quoted "$@") # does it exist?"
    [[ $dry == update ]]
    return
  fi
  output=$("$@" 2>&1) || code=$?
  if ((! code)); then return; fi
  if grep --quiet --ignore-case --extended-regexp \
    'not.?found|NoSuchEntity|not exist|could not (be )?f[io]u?nd|cannot (be )?f[io]u?nd|no such' <<<"$output"; then
    return 1
  fi
  show "$(quoted "$@")"
  say "$output"
  give_up "$code"
}

# ask VARIABLE PLACEHOLDER COMMAND…: what the command prints, which must not be empty; in a dry run the placeholder.
ask() {
  local name=$1 output=$2 code=0
  shift 2
  if [[ -n $dry ]]; then
    show "$(quoted "$@") # gives $output"
  else
    output=$("$@") || code=$?
    if ((code)) || [[ -z $output ]]; then
      show "$(quoted "$@")"
      ((code)) || say 'It printed nothing.'
      give_up $((code ? code : 1))
    fi
  fi
  printf -v "$name" %s "$output"
}

give_up() {
  report "$1"
  exit 1
}

report() {
  local i
  [[ -z $ended ]] || return 0
  ended=1
  say "${red}Failed:$plain ${title:-at the start} (exit code $1)."
  if [[ -z $changed ]]; then
    say 'Nothing was changed before.'
  else
    say 'What was done before, the last first, and how to undo it:'
    for ((i = ${#undos[@]} - 1; i >= 0; i--)); do say "  ${undos[i]}"; done
  fi
  say 'Or mend the cause and run the script again. It finds what exists and goes on from there.'
}

# A script may have a function `leave` for what is its own.
at_exit() {
  local code=$?
  ! declare -F leave >/dev/null || leave
  ((! code)) || report "$code"
  [[ -z ${scratch:-} ]] || rm -rf "$scratch"
}
trap at_exit EXIT
trap 'exit 130' INT TERM

# smoke_test URL [OPTIONS…]: scripts/check_deployment.sh, which reads CALL, STREAM and API_KEY from the environment, too.
smoke_test() {
  step "Check what was deployed"
  if [[ -n $no_check ]]; then
    say 'Left out.'
  else
    run scripts/check_deployment.sh "$@"
  fi
}

# finish URL
finish() {
  ended=1
  if [[ -n $dry ]]; then say 'A dry run: nothing was run.'; else say "${green}Deployed:$plain $1"; fi
}

# image_tag: the commit, or the time where there is none or where files differ from it.
image_tag() {
  local commit
  if commit=$(git rev-parse --short=12 HEAD 2>/dev/null) && [[ -z $(git status --porcelain 2>/dev/null) ]]; then
    printf %s "$commit"
  else
    date -u +%Y%m%d-%H%M%S
  fi
}

lower() { printf %s "$1" | tr 'A-Z_' 'a-z-'; }

# For Google Cloud. `project` and `region` are the script's options.

gcloud_checks() {
  export CLOUDSDK_CORE_DISABLE_PROMPTS=1
  need gcloud 'https://cloud.google.com/sdk/docs/install'
  need_login 'gcloud auth login' gcloud auth list --filter=status:ACTIVE '--format=value(account)'
  if [[ -z $project && -z $dry ]]; then project=$(gcloud config get-value project 2>/dev/null) || true; fi
  if [[ -z $project && -n $dry ]]; then project=my-project; fi
  valid --project "$project" '^[a-z][a-z0-9-]{4,28}[a-z0-9]$' 'the id of a project: 6 to 30 of a-z, 0-9 and -'
  # shellcheck disable=SC2154 # of the script
  valid --region "$region" '^[a-z]+-[a-z]+[0-9]+$' 'a region such as europe-west1'
  [[ -z $image || $image =~ ^[a-z0-9.:-]+(/[A-Za-z0-9._-]+)+(:[A-Za-z0-9._-]+)?(@sha256:[0-9a-f]{64})?$ ]] ||
    fault "--image $image: it must be HOST/PATH:TAG"
}

# gcloud_build: sets image, unless --image did.
gcloud_build() {
  [[ -z $image ]] || return 0
  step 'Make a repository for images'
  if ! exists gcloud artifacts repositories describe "$name" "--location=$region" "--project=$project"; then
    run gcloud artifacts repositories create "$name" --repository-format=docker "--location=$region" "--project=$project"
    undo 'the repository' gcloud artifacts repositories delete "$name" "--location=$region" "--project=$project"
  fi
  step 'Build the image (10 to 20 minutes)'
  image=$region-docker.pkg.dev/$project/$name/$name:$(image_tag)
  run gcloud builds submit . --config=deploy/google/cloudbuild.yaml \
    "--substitutions=^;^_IMAGE=$image${features:+;_FEATURES=$features}" "--project=$project"
  undo 'the image' gcloud artifacts docker images delete "$image" --delete-tags "--project=$project"
}
