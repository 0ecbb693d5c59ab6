#!/usr/bin/env bash
# Jaeger on this machine, in a container, to look at traces. It keeps them in memory.
#
#   scripts/jaeger.sh start     # then: OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 OTEL_METRICS_EXPORTER=none cargo run
#   scripts/jaeger.sh stop
#   scripts/jaeger.sh status    # exit code 1 if it does not run
#   scripts/jaeger.sh logs
#   scripts/jaeger.sh open      # its page, in the browser
#
# Needs podman or docker. Its page is on port 16686, OTLP on 4318 (HTTP) and 4317; all on loopback alone.
set -euo pipefail

image=${JAEGER_IMAGE:-docker.io/jaegertracing/jaeger:2.11.0}
name=flows-jaeger
page=http://127.0.0.1:16686

engine=$(command -v podman || command -v docker) || {
  echo "podman or docker is missing" >&2
  exit 69
}

runs() { [[ $("$engine" inspect --format '{{.State.Running}}' "$name" 2>/dev/null) == true ]]; }

case ${1:-} in
start)
  if ! runs; then
    "$engine" rm --force "$name" >/dev/null 2>&1 || true
    "$engine" run --detach --name "$name" --publish 127.0.0.1:16686:16686 --publish 127.0.0.1:4317:4317 \
      --publish 127.0.0.1:4318:4318 "$image" >/dev/null
  fi
  echo "Jaeger runs: $page"
  echo "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 OTEL_METRICS_EXPORTER=none cargo run"
  ;;
stop)
  "$engine" rm --force "$name" >/dev/null
  ;;
status)
  if ! runs; then
    echo "Jaeger does not run"
    exit 1
  fi
  echo "Jaeger runs: $page"
  "$engine" port "$name"
  ;;
logs) "$engine" logs --follow "$name" ;;
open) "$(command -v xdg-open || echo open)" "$page" ;;
*)
  sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
  exit 64
  ;;
esac
