#!/usr/bin/env bash
# Runs setup.sh on a bare Debian: --check says what is missing and changes nothing, a run makes the build work, a second
# run installs nothing. Ends with the tests of a small crate.
#
#   workshop/scripts/check_setup.sh              # Debian 12
#   workshop/scripts/check_setup.sh trixie       # another release of Debian
#   PACKAGE=flow-listener workshop/scripts/check_setup.sh      # the tests of another crate
#
# As root, on Linux, with mmdebstrap; needs the network: Debian's packages, rustup's server, crates. Takes five minutes.
# MIRROR is Debian's server. KEEP=1 keeps the folder, about 2 GB.
set -euo pipefail
cd "$(dirname "$0")/../.."

case ${1:-} in
--help | -h)
  sed -n '2,10s/^# \{0,1\}//p' "$0"
  exit
  ;;
-*)
  echo "no such option: $1" >&2
  exit 64
  ;;
esac
release=${1:-bookworm} package=${PACKAGE:-flow-settings}
scratch=$(mktemp -d -p "${TMPDIR:-/var/tmp}")
root=$scratch/root
[[ -n ${KEEP:-} ]] || trap 'rm -rf "$scratch"' EXIT

fail() {
  echo "FAILED: $*" >&2
  tail -n 40 "$scratch/output" >&2 || true
  exit 1
}

# inside COMMAND…: in the new root, in the project's folder. /proc is there only for as long as it runs.
inside() {
  # shellcheck disable=SC2016 # For the shell in the new namespace.
  unshare --mount bash -c 'mount -t proc proc "$0/proc" && exec chroot "$0" \
    /usr/bin/env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    bash -c "cd /project && exec \"\$@\"" bash "$@"' "$root" "$@" >"$scratch/output" 2>&1
}

# Every file with its size, time and mode.
tree() { find "$root" -xdev -path "$root/proc" -prune -o -printf '%p %s %T@ %m\n' | sort; }

mmdebstrap --quiet --variant=minbase "$release" "$root" "${MIRROR:-http://deb.debian.org/debian}"
cp /etc/resolv.conf "$root/etc/resolv.conf"
# What this machine trusts, for machines behind a proxy that signs on its own.
mkdir -p "$root/usr/local/share/ca-certificates"
awk -v folder="$root/usr/local/share/ca-certificates" \
  '/BEGIN CERTIFICATE/ { name = sprintf("%s/host-%03d.crt", folder, ++count) } name { print > name }' \
  /etc/ssl/certs/ca-certificates.crt
mkdir "$root/project"
git ls-files --cached --others --exclude-standard -z | xargs -0 tar -cf - | tar -xf - -C "$root/project"
echo "$release: $(du -sh --exclude=project "$root" | cut -f1)"

tree >"$scratch/before"
if inside ./setup.sh --check; then fail '--check found nothing missing'; fi
for what in 'C compiler' curl Rust; do
  grep -q "^$what *MISSING" "$scratch/output" || fail "--check does not miss: $what"
done
tree >"$scratch/after"
cmp --quiet "$scratch/before" "$scratch/after" || {
  diff "$scratch/before" "$scratch/after" | head >&2
  fail '--check changed something'
}
echo '--check: 3 things missing, nothing changed'

since=$SECONDS
inside ./setup.sh || fail 'setup.sh'
grep -q '^Ready' "$scratch/output" || fail 'setup.sh does not say that all is ready'
echo "setup.sh: $((SECONDS - since)) s"

inside ./setup.sh || fail 'setup.sh, again'
! grep -q '^installing' "$scratch/output" || fail 'a second run installs something'
inside ./setup.sh --check || fail '--check, after that'
echo 'a second run: nothing left to do'

since=$SECONDS
inside bash -c ". ~/.cargo/env && nice cargo test --locked --package $package" || fail "cargo test --package $package"
grep '^test result' "$scratch/output"
echo "cargo test --package $package: $((SECONDS - since)) s"
