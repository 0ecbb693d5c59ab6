#!/usr/bin/env bash
# Counts files and lines of Rust by ring, as a Markdown table: what is the owner's, what joins it to the frameworks, what
# is a library, what is for tests, and what is for those who keep the template.
#
#   workshop/scripts/count.sh [FOLDER]    # of the project this stands in, or of another folder
#
# Inline `#[cfg(test)] mod` blocks are counted apart. Blank lines and comments count as lines.
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"

# The ring of a path, or nothing for what is in none.
ring() {
  case $1 in
  */snapshots/* | */target/* | target/*) ;;
  workshop/*) echo workshop ;;
  adapters/*/src/routes.rs | api/* | src/* | proto/* | prompts/*) echo theirs ;;
  adapters/*) echo joint ;;
  crates/*/tests/* | tests/* | examples/*) echo tests ;;
  crates/*) echo libraries ;;
  esac
}

# Prints the lines of a Rust file that are not in an inline test module, and those that are.
lines() {
  awk '
    /^#\[cfg\(test\)\]/ { pending = NR; held = 1; next }
    held && /^(pub(\([a-z]+\))? )?mod [a-z_]+ \{/ { inside = 1; tests += NR - pending + 1; held = 0; next }
    held { code += NR - pending; held = 0 }
    inside { tests++; if (/^}/) inside = 0; next }
    { code++ }
    END { print code + 0, tests + 0 }
  ' "$1"
}

declare -A files rust code inline
while IFS= read -r path; do
  of=$(ring "$path")
  if [[ -z $of || ! -f $path ]]; then continue; fi
  files[$of]=$((${files[$of]:-0} + 1))
  if [[ $path != *.rs ]]; then continue; fi
  rust[$of]=$((${rust[$of]:-0} + 1))
  read -r outside inside < <(lines "$path")
  if [[ $path == *src/*tests.rs || $path == *src/*/tests/* ]]; then
    inside=$((inside + outside)) outside=0
  fi
  code[$of]=$((${code[$of]:-0} + outside))
  inline[$of]=$((${inline[$of]:-0} + inside))
done < <(if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then git ls-files; else find . -type f | cut -c 3-; fi)

row='| %-9s | %-44s | %6s | %10s | %13s | %13s |\n'
# shellcheck disable=SC2059
{
  printf "$row" Ring What Files 'Rust files' 'Lines of Rust' 'Inline tests'
  printf '|---|---|---|---|---|---|\n'
  while IFS='|' read -r name what; do
    printf "$row" "$name" "$what" "${files[$name]:-0}" "${rust[$name]:-0}" "${code[$name]:-0}" "${inline[$name]:-0}"
  done <<'RINGS'
theirs|api, src, proto, prompts, adapters' routes.rs
joint|adapters without routes.rs
libraries|crates without their tests/
tests|tests, crates/*/tests, examples
workshop|workshop
RINGS
}
