# Every recipe is a plain command you can also type; `just` lists them.

# Marks inside of recipes are no commands.
set ignore-comments

# Docker's format of images has the health check; podman's own has not.
export BUILDAH_FORMAT := 'docker'
engine := `command -v podman || command -v docker || echo podman`

default:
    @just --list --unsorted

# Sets up this machine: just setup --check
setup *args:
    ./setup.sh {{args}}

# ---- Run ----

# Development mode: just dev --port 9090
dev *args:
    scripts/run.sh {{args}}

# eject: axum
# Development mode on axum
dev-axum *args:
    scripts/run.sh --framework axum {{args}}

# eject: actix
# Development mode on actix-web
dev-actix *args:
    scripts/run.sh --framework actix {{args}}

# eject: poem
# Development mode on poem
dev-poem *args:
    scripts/run.sh --framework poem {{args}}

# eject: end
# Ends every server of this name that you started from a target folder, and what starts it again
stop:
    @pkill -TERM -U "$(id -u)" -f '^[^ ]*watchexec --restart --watch api' || true
    @pkill -TERM -U "$(id -u)" -f '^[^ ]*(debug|release)/genkit-endpoints' || true
    # eject: telemetry
    @scripts/jaeger.sh stop 2>/dev/null || true
    # eject: end

# Show the messages a prompt file produces
prompt file input='{}':
    cargo run --quiet -- prompt render {{file}} --input '{{input}}'

# ---- Test ----

# All tests
test *args:
    cargo test --workspace --all-features {{args}}

# What CI checks before it needs installed tools
check:
    .ci/run quick

# Every REST route of a running server
test-endpoints:
    scripts/test_endpoints.sh

# eject: grpc
# Every gRPC method of a running server
test-grpc-endpoints:
    scripts/test_grpc_endpoints.sh

# eject: end
# Everything that a running server offers
test-all:
    scripts/test_endpoints.sh
    # eject: grpc
    scripts/test_grpc_endpoints.sh
    # eject: end

# Load on a running server, with k6: scripts/load_test/README.md
load-test *args:
    k6 run {{args}} scripts/load_test/load.js

# eject: grpc
# ---- gRPC ----

# Lints proto/ and compiles it; the build does the second by itself
proto:
    cd proto && buf lint
    cargo check --quiet -p adapter-grpc

# A page in the browser to call a running server; needs reflection: just dev
grpcui address='localhost:50051':
    grpcui -plaintext {{address}}

# The services of a running server; needs reflection: just dev
grpc-list address='localhost:50051':
    grpcurl -plaintext {{address}} list

# eject: end
# ---- Code ----

# Formats Rust and shell
fmt:
    cargo fmt --all
    git ls-files -z '*.sh' .ci/run | xargs -0 shfmt -i 2 -w

# What can be said without running it: format, lints, spelling, licences
lint: licenses
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --all-features -- -D warnings
    git ls-files -z '*.sh' .ci/run ':!scripts/eject/echo' | xargs -0 shellcheck --external-sources
    git ls-files -z '*.sh' .ci/run | xargs -0 shfmt -i 2 -d
    typos
    hadolint Containerfile

# The documents as a book, in the browser
docs:
    mdbook serve --open

# Known holes of all dependencies; the list comes over the network
audit:
    cargo deny check advisories

# The licences of all dependencies, against the list in deny.toml
licenses:
    cargo deny check licenses

# Known holes, licences, and where dependencies come from
security:
    cargo deny check

# All crates of the program, as a CycloneDX file
sbom features='container':
    cargo cyclonedx --format json --spec-version 1.5 --describe binaries --no-default-features --features {{features}}

# Deletes what was built
clean:
    cargo clean

# ---- Container ----

# A container image with these Cargo features; `just build container musl`: a static program
build features='container' libc='gnu':
    {{engine}} build -f Containerfile --build-arg FEATURES={{features}} --build-arg LIBC={{libc}} -t genkit-endpoints .

# Runs that image, with the keys of your environment
run-container *args:
    #!/usr/bin/env bash
    set -euo pipefail
    ports=(-p 127.0.0.1:8080:8080)
    # eject: grpc
    ports+=(-p 127.0.0.1:50051:50051)
    # eject: end
    exec {{engine}} run --rm --read-only "${ports[@]}" -e MODEL -e GEMINI_API_KEY -e OPENAI_API_KEY -e ANTHROPIC_API_KEY \
        genkit-endpoints {{args}}

# The server with all that stands around it: compose.yaml
up *args:
    {{engine}} compose up --build --detach {{args}}

# Ends it, and deletes what it kept
down *args:
    {{engine}} compose down --volumes {{args}}

# eject: telemetry
# Jaeger in a container, to look at traces
jaeger-start:
    scripts/jaeger.sh start

# Ends it
jaeger-stop:
    scripts/jaeger.sh stop

# Whether it runs, and its ports
jaeger-status:
    scripts/jaeger.sh status

# What it logs
jaeger-logs:
    scripts/jaeger.sh logs

# Its page
jaeger-open:
    scripts/jaeger.sh open

# eject: end
# ---- Deploy: each tells its options by --help ----

# Cloud Run
deploy-cloudrun *args:
    scripts/deploy_cloudrun.sh {{args}}

# App Engine, flexible environment
deploy-appengine *args:
    scripts/deploy_appengine.sh {{args}}

# Firebase Hosting before Cloud Run
deploy-firebase *args:
    scripts/deploy_firebase.sh {{args}}

# Fly.io
deploy-flyio *args:
    scripts/deploy_flyio.sh {{args}}

# AWS
deploy-aws *args:
    scripts/deploy_aws.sh {{args}}

# Azure Container Apps
deploy-azure *args:
    scripts/deploy_azure.sh {{args}}

# Kubernetes
deploy-k8s *args:
    scripts/deploy_k8s.sh {{args}}

# ---- Your own ----

# Adds a flow: just new-flow --help
new-flow *args:
    scripts/new_flow.sh {{args}}

# Drops parts of the project and renames it: just eject --help
eject *args:
    scripts/eject.sh {{args}}

# eject: template
# What differs between two frameworks
compare a='axum' b='poem':
    -diff -r adapters/{{a}} adapters/{{b}}
# eject: end
