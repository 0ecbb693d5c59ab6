#!/usr/bin/env bash
# Builds the Containerfile by buildah and looks at what comes out: who it runs as, what else is in it, whether it
# answers and ends, how big it is.
#
#   workshop/scripts/check_container.sh
#   workshop/scripts/check_container.sh --libc musl        # the static variant; rustup has to reach its server
#   workshop/scripts/check_container.sh --features poem    # other Cargo features
#   workshop/scripts/check_container.sh --stand-ins        # makes the base images from Debian's packages and the
#                                                          # installed toolchain, where no registry can be reached
#
# Takes as long as a release build; a second run, with the layers of the first, a minute. As root, on Linux, with
# buildah; with --stand-ins also mmdebstrap and rustup. FOLDER (/var/tmp/check-container) keeps images and layers: about
# 6 GB. LIMIT_BINARY and LIMIT_IMAGE, in MiB, are the goals for the sizes (20 and 35, the image without its base).
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

libc=gnu features='' stand_ins='' faults=()
while (($#)); do
  case $1 in
  --help | -h)
    sed -n '2,14s/^# \{0,1\}//p' "$0"
    exit
    ;;
  --libc)
    libc=${2:-}
    [[ $libc == gnu || $libc == musl ]] || faults+=("--libc is gnu or musl")
    shift
    ;;
  --features)
    features=${2:-}
    [[ -n $features ]] || faults+=("--features needs a value")
    shift
    ;;
  --stand-ins) stand_ins=1 ;;
  *) faults+=("no such option: $1") ;;
  esac
  shift || break
done
if ((${#faults[@]})); then
  printf '%s\n' "${faults[@]}" >&2
  exit 64
fi

name=$(sed -n 's/^default-run = "\(.*\)"/\1/p' Cargo.toml)
folder=${FOLDER:-/var/tmp/check-container}
image=check-container-$libc
mkdir -p "$folder"
cat >"$folder/storage.conf" <<END
[storage]
driver = "overlay"
runroot = "$folder/run"
graphroot = "$folder/images"
END
export CONTAINERS_STORAGE_CONF=$folder/storage.conf

# ---- Base images ----

has() { buildah inspect --type image "$1" >/dev/null 2>&1; }

# from_folder FOLDER IMAGE [buildah config's options]
from_folder() {
  local container
  container=$(buildah from scratch)
  buildah add --quiet "$container" "$1" / >/dev/null
  shift
  buildah config "${@:2}" "$container"
  buildah commit --quiet --rm "$container" "$1" >/dev/null
}

# What distroless takes from Debian's packages, unpacked and not installed, and its user.
distroless() {
  local image=$1 root
  shift
  root=$(mktemp -d -p "$folder")
  mkdir "$root/debs" "$root/root"
  (cd "$root/debs" && apt-get download -qq "$@")
  for package in "$root"/debs/*.deb; do dpkg-deb --extract "$package" "$root/root"; done
  rm -rf "$root"/root/usr/share/{doc,man,locale,lintian}
  mkdir -p "$root/root"/{etc/ssl/certs,tmp,home/nonroot}
  cp /etc/ssl/certs/ca-certificates.crt "$root/root/etc/ssl/certs/"
  printf '%s\n' 'root:x:0:0:root:/root:/sbin/nologin' 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' \
    >"$root/root/etc/passwd"
  chmod 755 "$root/root"
  from_folder "$root/root" "$image" --user 65532 \
    --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  rm -rf "$root"
}

# A small Debian with C compiler, rustup and the toolchain in use, in the folders of Docker's rust image.
builder() {
  local image=$1 root toolchain mirror=${MIRROR:-http://deb.debian.org/debian}
  root=$(mktemp -d -p "$folder")
  toolchain=$(rustc --print sysroot)
  mmdebstrap --quiet --variant=minbase --include=ca-certificates,gcc,libc6-dev bookworm "$root/root" "$mirror"
  cp /etc/ssl/certs/ca-certificates.crt "$root/root/etc/ssl/certs/"
  mkdir -p "$root/root/usr/local/rustup/toolchains" "$root/root/usr/local/cargo/bin"
  # Its documentation and what only developers use stays behind.
  tar -C "$(dirname "$toolchain")" --exclude='*/share/doc' --exclude='*/bin/*clippy*' -cf - \
    "$(basename "$toolchain")" | tar -xf - -C "$root/root/usr/local/rustup/toolchains"
  cp "$(command -v rustup)" "$root/root/usr/local/cargo/bin/rustup"
  for proxy in cargo rustc; do ln -s rustup "$root/root/usr/local/cargo/bin/$proxy"; done
  printf 'default_toolchain = "%s"\nversion = "12"\n' "$(basename "$toolchain")" \
    >"$root/root/usr/local/rustup/settings.toml"
  from_folder "$root/root" "$image" --env RUSTUP_HOME=/usr/local/rustup --env CARGO_HOME=/usr/local/cargo \
    --env RUSTUP_AUTO_INSTALL=0 --env SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    --env PATH=/usr/local/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  rm -rf "$root"
}

# The images that the Containerfile names.
mapfile -t bases < <(sed -n 's/^FROM \([^ ]*\/[^ ]*\).*/\1/p' Containerfile)
((${#bases[@]} == 3)) || fail "the Containerfile has other base images than this knows: ${bases[*]}"
if [[ -n $stand_ins ]]; then
  for base in "${bases[@]}"; do
    has "$base" && continue
    echo "a stand-in for $base"
    case $base in
    */rust:*) builder "$base" ;;
    */cc-*) distroless "$base" base-files netbase tzdata libc6 libssl3 libgcc-s1 libgomp1 libstdc++6 ;;
    */static-*) distroless "$base" base-files netbase tzdata ;;
    *) fail "no stand-in for $base" ;;
    esac
  done
fi

# ---- Build ----

if command -v hadolint >/dev/null; then hadolint Containerfile && echo 'hadolint: clean'; else echo 'no hadolint'; fi
cmp .dockerignore .containerignore || fail 'the two files of what is ignored differ'

since=$SECONDS
options=(--isolation chroot --network host --layers --format docker --build-arg "LIBC=$libc" --file Containerfile)
[[ -z $features ]] || options+=(--build-arg "FEATURES=$features")
[[ -z $stand_ins ]] || options+=(--pull-never)
nice -n 10 buildah bud "${options[@]}" --tag "$image" .
echo "built in $((SECONDS - since)) s"

# ---- What is in it ----

container=$(buildah from --pull-never "$image")
base=$(buildah from --pull-never "$(if [[ $libc == gnu ]]; then echo "${bases[1]}"; else echo "${bases[2]}"; fi)")
server='' output=$(mktemp)
trap '[[ -z $server ]] || kill -KILL "$server" 2>/dev/null || true
  buildah rm "$container" "$base" >/dev/null; rm -f "$output"' EXIT
root=$(buildah mount "$container")

config() { buildah inspect --type image --format "{{$1}}" "$image"; }
same() { [[ $2 == "$3" ]] || fail "$1 is \"$2\", not \"$3\""; }

same 'the user' "$(config .Docker.Config.User)" 65532:65532
same 'the health check' "$(config .Docker.Config.Healthcheck.Test)" "[CMD /$name health]"
same 'the entry point' "$(config .Docker.Config.Entrypoint)" "[/$name]"
for variable in HOST=0.0.0.0 PORT=8080 SHUTDOWN_GRACE=8; do
  [[ " $(config .Docker.Config.Env) " == *[[\ ]"$variable"[]\ ]* ]] || fail "$variable is not in the image"
done
for label in title description licenses; do
  [[ -n $(config "index .Docker.Config.Labels \"org.opencontainers.image.$label\"") ]] || fail "no label: $label"
done

names=()
for program in sh bash dash ash zsh busybox apt apt-get dpkg apk perl 'python*' curl wget; do
  names+=(-o -name "$program")
done
found=$(find "$root" \( -type f -o -type l \) \( "${names[@]:1}" \) -path '*bin/*')
[[ -z $found ]] || fail "there is a shell or a package manager: $found"
found=$(find "$root" -perm /6000 -type f)
[[ -z $found ]] || fail "files with setuid or setgid: $found"
same 'what is not from the base' \
  "$(diff <(cd "$(buildah mount "$base")" && find . | sort) <(cd "$root" && find . | sort) | sed -n 's/^[<>] //p')" "./$name"

program=$root/$name
libraries=$(readelf --dynamic "$program" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | tr '\n' ' ')
[[ $libc == gnu || -z $libraries ]] || fail "it is not static: $libraries"
echo "shared libraries: ${libraries:-none}"
objcopy --output-target binary --only-section .dep-v0 --set-section-flags .dep-v0=alloc "$program" "$output"
echo "crates listed in the program: $(python3 -c \
  'import json, sys, zlib; print(len(json.loads(zlib.decompress(open(sys.argv[1], "rb").read()))["packages"]))' "$output")"

# ---- Whether it runs ----

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
port=$(free_port) grpc_port=$(free_port)
mapfile -t environment < <(config 'range .Docker.Config.Env}}{{.}}{{"\n"}}{{end' | grep .)
environment+=(HOST=127.0.0.1 "PORT=$port" "GRPC_PORT=$grpc_port" GENKIT_ENV=dev)

# inside ARGUMENT…: the program in the image, read only, as its user. Without /proc, /dev and /tmp.
inside() {
  # shellcheck disable=SC2016 # For the shell in the new namespace.
  exec unshare --mount bash -c 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec env -i "${@:2:$1}" \
    "$(command -v chroot)" --userspec=65532:65532 "$0" "${@:$1+2}"' "$root" "${#environment[@]}" "${environment[@]}" "/$name" "$@"
}

if (inside health) >"$output" 2>&1; then fail 'health is content without a server'; fi
inside >"$output" 2>&1 &
server=$!
for ((i = 0; i < 100; i++)); do
  (inside health) >/dev/null 2>&1 && break
  kill -0 "$server" 2>/dev/null || fail "it ended: $(cat "$output")"
  sleep 0.1
done
(inside health) || fail 'health'
same 'its user' "$(sed -n 's/^Uid:\s*\(\S*\).*/\1/p' "/proc/$server/status")" 65532
curl --silent --show-error --fail --max-time 10 "http://127.0.0.1:$port/ready" >/dev/null || fail '/ready'
curl --silent --show-error --fail --max-time 10 -X POST "http://127.0.0.1:$port/tell-joke" \
  -H 'Content-Type: application/json' -d '{}' | grep -q joke || fail 'no joke'
since=$SECONDS
kill -TERM "$server"
wait "$server" && code=0 || code=$?
server=''
((code == 0)) || fail "after SIGTERM it ended with $code"
((SECONDS - since <= 9)) || fail "after SIGTERM it took $((SECONDS - since)) s"
echo "it runs as 65532 without a shell, answers and ends in $((SECONDS - since)) s"

# ---- How big it is ----

size() { du --summarize --bytes --one-file-system "$1" | cut -f1; }
mib() { awk -v bytes="$1" 'BEGIN { printf "%.1f", bytes / 1048576 }'; }
binary=$(stat --format %s "$program")
over=$(($(size "$root") - $(size "$(buildah mount "$base")")))
echo "program: $(mib "$binary") MiB; image: $(mib "$over") MiB over its base of $(mib "$(size "$(buildah mount "$base")")") MiB"
awk -v a="$binary" -v b="$over" -v la="${LIMIT_BINARY:-20}" -v lb="${LIMIT_IMAGE:-35}" \
  'BEGIN { exit !(a <= la * 1048576 && b <= lb * 1048576) }' || fail 'that is over the goals'
