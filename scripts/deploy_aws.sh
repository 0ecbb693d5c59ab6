#!/usr/bin/env bash
# Deploys to Amazon ECS in its Express Mode, or to App Runner: builds the image here, pushes it to ECR, keeps keys in
# Secrets Manager, and makes the roles that the service needs.
#
#   export GEMINI_API_KEY=…
#   scripts/deploy_aws.sh --region eu-central-1
#
#   --region REGION       Default: that of the AWS CLI.
#   --min-tasks N         Default: 1.
#   --max-tasks N         Default: 5.
#   --app-runner          For accounts that have it: AWS accepts no new customers there since 30 April 2026.
#
# Express Mode makes a load balancer, security groups, scaling and a name under on.aws; the account needs a default VPC.
# eject: grpc
# Its load balancer speaks HTTP/1.1 to the server, so gRPC is off there. For gRPC use a service of ECS with a target
# group of your own, whose protocol version is GRPC, or Kubernetes.
# eject: end
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh

name=genkit-endpoints region='' min_tasks=1 max_tasks=5 app_runner=''
account='' endpoint='' arn='' current='' new_role=''
# shellcheck disable=SC2034
values=(--region --min-tasks --max-tasks) flags=(--app-runner)

# No `less` between the steps.
export AWS_PAGER=''

# wait_until WORDS SECONDS COMMAND…: until the command prints one of the words; `a|b` are two.
wait_until() {
  local words=$1 until=$((SECONDS + $2)) output=''
  shift 2
  show "$(quoted "$@") # until it prints $words"
  [[ -z $dry ]] || return 0
  until [[ "|$words|" == *"|$output|"* && -n $output ]]; do
    if ((SECONDS > until)); then
      say "It still prints ${output:-nothing}."
      give_up 1
    fi
    [[ -z $output ]] || sleep "$retry_wait"
    output=$("$@") || give_up $?
  done
}

# container_engine: podman, or docker.
container_engine() {
  if command -v podman >/dev/null; then printf podman; else printf docker; fi
}

# make_role SUFFIX SERVICE POLICY…: a role that SERVICE of AWS may use, with these managed policies.
make_role() {
  local role=$name-$1 trust policy
  trust=$(printf '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"%s"},"Action":"sts:AssumeRole"}]}' "$2")
  shift 2
  new_role=''
  if ! exists aws iam get-role --role-name "$role"; then
    new_role=1
    run aws iam create-role --role-name "$role" --assume-role-policy-document "$trust"
    undo "the role $role (its policies first)" aws iam delete-role --role-name "$role"
  fi
  for policy in "$@"; do
    run_soon aws iam attach-role-policy --role-name "$role" --policy-arn "arn:aws:iam::aws:policy/service-role/$policy"
    [[ -z $new_role ]] || undo "a policy of $role" aws iam detach-role-policy --role-name "$role" \
      --policy-arn "arn:aws:iam::aws:policy/service-role/$policy"
  done
}

# let_read ROLE, after make_role: it may read the secrets, and no others.
let_read() {
  local policy
  ((${#arns[@]})) || return 0
  policy=$(printf '"%s",' "${arns[@]}")
  policy='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":['${policy%,}']}]}'
  run_soon aws iam put-role-policy --role-name "$1" --policy-name read-secrets --policy-document "$policy"
  [[ -z $new_role ]] || undo "the right of $1 to read the secrets" aws iam delete-role-policy --role-name "$1" --policy-name read-secrets
}

parse "$@"

need aws 'https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html'
need_login 'aws configure sso, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY' aws sts get-caller-identity
[[ -n $image ]] || need "$(container_engine)" 'https://podman.io'
need curl 'it is in every package manager'
if [[ -z $region ]]; then
  region=${AWS_REGION:-${AWS_DEFAULT_REGION:-}}
  [[ -n $region || -n $dry ]] || region=$(aws configure get region 2>/dev/null) || true
  [[ -n $region || -z $dry ]] || region=eu-central-1
fi
valid --region "$region" '^[a-z]{2}(-[a-z]+)+-[0-9]$' 'a region such as eu-central-1'
# With the ends of the roles, at most 64 characters.
valid --name "$name" '^[a-z][a-z0-9-]{1,38}[a-z0-9]$' '3 to 40 of a-z, 0-9 and -'
valid --min-tasks "$min_tasks" '^[1-9][0-9]*$' 'a number above 0'
valid --max-tasks "$max_tasks" '^[1-9][0-9]*$' 'a number above 0'
[[ -z $(probe_host) ]] || fault '--set TRUSTED_HOSTS: the health checks of AWS name no host; leave it out'
read_secrets
stop_at_faults

here=("--region" "$region")
ask account 123456789012 aws sts get-caller-identity --query Account --output text

if [[ -z $image ]]; then
  engine=$(container_engine)
  step 'Make a repository for images'
  if ! exists aws ecr describe-repositories --repository-names "$name" "${here[@]}"; then
    run aws ecr create-repository --repository-name "$name" --image-scanning-configuration scanOnPush=true "${here[@]}"
    undo 'the repository and its images' aws ecr delete-repository --repository-name "$name" --force "${here[@]}"
  fi
  step 'Build the image'
  registry=$account.dkr.ecr.$region.amazonaws.com
  image=$registry/$name:$(image_tag)
  run "$engine" build --platform linux/amd64 --file Containerfile ${features:+--build-arg "FEATURES=$features"} --tag "$image" .
  undo 'the image on this machine' "$engine" rmi "$image"
  step 'Push the image'
  login=("$engine" login --username AWS --password-stdin "$registry")
  show "$(quoted aws ecr get-login-password "${here[@]}") | $(quoted "${login[@]}")"
  [[ -n $dry ]] || aws ecr get-login-password "${here[@]}" | "${login[@]}" >&2 || give_up $?
  undo 'the login' "$engine" logout "$registry"
  run "$engine" push "$image"
fi

arns=() pairs=()
for secret in ${secrets[@]+"${secrets[@]}"}; do
  step "Store $secret in Secrets Manager"
  id=$name/$secret
  # The command line has the name of a file that only this user can read.
  secret_file "$secret"
  if exists aws secretsmanager describe-secret --secret-id "$id" "${here[@]}"; then
    if [[ -z $keep_secrets ]]; then
      ask current VERSION-BEFORE aws secretsmanager list-secret-version-ids --secret-id "$id" --output text \
        --query "Versions[?contains(VersionStages, 'AWSCURRENT')].VersionId | [0]" "${here[@]}"
      run aws secretsmanager put-secret-value --secret-id "$id" --secret-string "file://$secret_path" "${here[@]}"
      note "The new value of $secret: version $current has the one before ('aws secretsmanager update-secret-version-stage help')."
    fi
  elif [[ -n $keep_secrets ]]; then
    say "There is no secret $id. Run the script without --keep-secrets."
    give_up 1
  else
    run aws secretsmanager create-secret --name "$id" --secret-string "file://$secret_path" "${here[@]}"
    undo "the secret $secret" aws secretsmanager delete-secret --secret-id "$id" --force-delete-without-recovery "${here[@]}"
  fi
  ask arn "arn:aws:secretsmanager:$region:$account:secret:$id-AbCdEf" \
    aws secretsmanager describe-secret --secret-id "$id" --query ARN --output text "${here[@]}"
  arns+=("$arn")
  pairs+=("$secret=$arn")
done

# Only the platform can connect: its security group lets the load balancer in alone.
default_setting TRUSTED_PROXIES platform
# eject: grpc
default_setting NO_GRPC true
# eject: end

# json FORMAT ITEMS…: NAME=VALUE items as JSON, each by FORMAT, with commas.
json() {
  local format=$1 item all=''
  shift
  for item in "$@"; do
    # shellcheck disable=SC2059 # The format is ours.
    all+=${all:+,}$(printf "$format" "$(literal "${item%%=*}")" "$(literal "${item#*=}")")
  done
  printf %s "$all"
}

if [[ -n $app_runner ]]; then
  # Calls longer than 120 s are cut there.
  default_setting REQUEST_TIMEOUT 110
  default_setting LLM_TIMEOUT 100000
  step 'Make the roles'
  make_role access build.apprunner.amazonaws.com AWSAppRunnerServicePolicyForECRAccess
  make_role instance tasks.apprunner.amazonaws.com
  let_read "$name-instance"
  step 'Deploy to App Runner'
  role=arn:aws:iam::$account:role/$name
  source="{\"AuthenticationConfiguration\":{\"AccessRoleArn\":\"$role-access\"},\"AutoDeploymentsEnabled\":false,\"ImageRepository\":{\"ImageIdentifier\":\"$image\",\"ImageRepositoryType\":\"ECR\",\"ImageConfiguration\":{\"Port\":\"8080\",\"RuntimeEnvironmentVariables\":{$(json '%s:%s' "${settings[@]}")},\"RuntimeEnvironmentSecrets\":{$(json '%s:%s' ${pairs[@]+"${pairs[@]}"})}}}}"
  shape=(--source-configuration "$source"
    --instance-configuration "Cpu=1024,Memory=2048,InstanceRoleArn=$role-instance"
    --health-check-configuration 'Protocol=HTTP,Path=/ready,Interval=5,Timeout=4,HealthyThreshold=1,UnhealthyThreshold=3')
  find=(aws apprunner list-services --query "ServiceSummaryList[?ServiceName=='$name'].ServiceArn | [0]" --output text)
  arn=None
  [[ $dry != update ]] || arn=arn:aws:apprunner:$region:$account:service/$name/0123456789abcdef0123456789abcdef
  ask arn "$arn" "${find[@]}" "${here[@]}"
  if [[ $arn == None ]]; then
    run_soon aws apprunner create-service --service-name "$name" "${shape[@]}" "${here[@]}"
    ask arn "arn:aws:apprunner:$region:$account:service/$name/0123456789abcdef0123456789abcdef" "${find[@]}" "${here[@]}"
    undo 'the service' aws apprunner delete-service --service-arn "$arn" "${here[@]}"
  else
    run aws apprunner update-service --service-arn "$arn" "${shape[@]}" "${here[@]}"
    note 'The new version of the service: run this script with --image and the image before.'
  fi
  describe=(aws apprunner describe-service --service-arn "$arn" --output text "${here[@]}")
  wait_until RUNNING 900 "${describe[@]}" --query Service.Status
  ask endpoint "SERVICE.$region.awsapprunner.com" "${describe[@]}" --query Service.ServiceUrl
else
  # The load balancer cuts a call that is silent for 60 s, as a whole answer is while it is made.
  default_setting REQUEST_TIMEOUT 55
  default_setting LLM_TIMEOUT 50000
  # ECS gives 30 s to end in.
  default_setting SHUTDOWN_GRACE 25
  step 'Make the roles'
  make_role infrastructure ecs.amazonaws.com AmazonECSInfrastructureRoleforExpressGatewayServices
  make_role execution ecs-tasks.amazonaws.com AmazonECSTaskExecutionRolePolicy
  let_read "$name-execution"
  step 'Deploy to ECS'
  # It does nothing where the cluster exists.
  run aws ecs create-cluster --cluster-name default "${here[@]}"
  container="{\"image\":\"$image\",\"containerPort\":8080,\"environment\":[$(json '{"name":%s,"value":%s}' "${settings[@]}")],\"secrets\":[$(json '{"name":%s,"valueFrom":%s}' ${pairs[@]+"${pairs[@]}"})]}"
  shape=(--execution-role-arn "arn:aws:iam::$account:role/$name-execution" --primary-container "$container"
    --health-check-path /ready --cpu 512 --memory 1024
    --scaling-target "minTaskCount=$min_tasks,maxTaskCount=$max_tasks,autoScalingMetric=AVERAGE_CPU,autoScalingTargetValue=60")
  arn=arn:aws:ecs:$region:$account:service/default/$name
  status=INACTIVE
  if exists aws ecs describe-express-gateway-service --service-arn "$arn" "${here[@]}"; then
    # A deleted service is found for a while.
    ask status ACTIVE aws ecs describe-express-gateway-service --service-arn "$arn" --query service.status.statusCode \
      --output text "${here[@]}"
  fi
  if [[ $status == ACTIVE ]]; then
    run aws ecs update-express-gateway-service --service-arn "$arn" "${shape[@]}" "${here[@]}"
    note 'The new version of the service (ECS goes back by itself if it does not become healthy): run this script with --image and the image before.'
  else
    run_soon aws ecs create-express-gateway-service --service-name "$name" \
      --infrastructure-role-arn "arn:aws:iam::$account:role/$name-infrastructure" "${shape[@]}" "${here[@]}"
    undo 'the service with its load balancer' aws ecs delete-express-gateway-service --service-arn "$arn" "${here[@]}"
  fi
  run aws ecs wait services-stable --cluster default --services "$name" "${here[@]}"
  ask endpoint "SERVICE.ecs.$region.on.aws" aws ecs describe-express-gateway-service --service-arn "$arn" \
    --query 'service.activeConfigurations[0].ingressPaths[0].endpoint' --output text "${here[@]}"
fi
url=https://${endpoint#https://}
# The load balancer's name takes minutes to be known.
smoke_test "$url" --wait 600
finish "$url"
