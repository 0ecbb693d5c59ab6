# Every recipe is a plain command you can also type; `just` lists them.

default:
    @just --list

# Development mode: just dev --port 9090
dev *args:
    scripts/run.sh {{args}}

# All tests
test:
    cargo test --workspace --all-features

# What CI checks before it needs installed tools
check:
    .ci/run quick

# Licences, sources and known holes of all dependencies: cargo install cargo-deny
audit:
    cargo deny check

# Every REST route of a running server
test-endpoints:
    scripts/test_endpoints.sh

# Show the messages a prompt file produces
prompt file input='{}':
    cargo run --quiet -- prompt render {{file}} --input '{{input}}'

# A container image with these Cargo features
build features='container':
    $(command -v podman || echo docker) build -f Containerfile --build-arg FEATURES={{features}} -t genkit-endpoints .

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
# Drops parts of the project and renames it: just eject --help
eject *args:
    scripts/eject.sh {{args}}

# eject: template
# What differs between two frameworks
compare a='axum' b='poem':
    -diff -r adapters/{{a}} adapters/{{b}}
# eject: end
