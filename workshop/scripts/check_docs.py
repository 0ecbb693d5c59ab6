#!/usr/bin/env python3
"""Runs every command of README.md and docs/, builds the book, and follows its links.

    workshop/scripts/check_docs.py PROGRAM [TOOLS]
    workshop/scripts/check_docs.py --book FOLDER [TOOLS]     # book and links alone, of the project in FOLDER

PROGRAM is the built program with all features; nothing is compiled but the small programs in scripts/. TOOLS is a folder with mdbook,
lychee and grpcurl in venv/bin; without it they are looked for on PATH, and what is missing is skipped aloud.

Each ```bash block runs in bash, in a copy of the project, with nothing on PATH but ALLOWED and the stand-ins of
docs_commands.py: so a command that nobody knows fails. A line `<!-- check: REASON -->` above a block says why it is
not run. Exit code 1 if anything is wrong.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import docs_commands  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
STAND_INS = ["cargo", "curl", "git", "grpcurl", "just", "rustc", "genkit-endpoints", *docs_commands.REASONS]
ALLOWED = """awk base64 basename bash cat chmod cp cut date diff dirname env find grep head ln ls mkdir mktemp mv openssl paste
printf pwd python3 readlink realpath rm sed seq sha256sum sh sleep sort tail tee touch tr true uname uniq wc xargs cc ld as""".split()
# Other names for a shell's commands would hide them from this check.
WRONG = {"sh", "shell", "console", "zsh"}
FILES = re.compile(
    r"`((?:api|src|adapters|crates|deploy|docs|examples|prompts|proto|scripts|tests|workshop|\.github|\.ci)/[\w./-]+)`"
)


@dataclass
class Block:
    page: str
    line: int
    text: str
    reason: str | None

    def __str__(self):
        return f"{self.page}:{self.line}"


def blocks(page, text):
    """The blocks of commands of a page, and what is wrong with others."""
    found, faults, reason, placed = [], [], None, False
    lines = iter(enumerate(text.splitlines(), 1))
    for number, line in lines:
        if comment := re.match(r"<!-- check: (.+?) -->", line):
            reason = comment[1]
        elif line.startswith("<!-- place: "):
            # Code for a file: check_add_a_flow.py puts it there.
            placed = True
        elif fence := re.match(r" *(`{3,})(\w*)", line):
            body = []
            for _, line in lines:
                if re.match(rf" *{fence[1]}`*$", line):
                    break
                body.append(line)
            if fence[2] in WRONG:
                faults.append(f"{page}:{number}: a block of commands begins with ```bash")
            elif fence[2] == "bash" and not placed:
                found.append(Block(page, number + 1, "\n".join(body) + "\n", reason))
            elif reason:
                faults.append(f"{page}:{number}: `check:` stands above something that is no command")
            reason, placed = None, False
        elif line.strip() and reason:
            faults.append(f"{page}:{number}: `check:` stands above something that is no command")
            reason = None
    return found, faults


def copy_tree(source, target):
    """What Git tracks or would track."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    for path in subprocess.check_output(command, cwd=source, text=True).split("\0"):
        if path and (source / path).is_file():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / path, target / path)


class Runner:
    def __init__(self, program, tools, scratch):
        self.scratch, self.tree, self.bin = scratch, scratch / "tree", scratch / "bin"
        copy_tree(ROOT, self.tree)
        self.bin.mkdir()
        (scratch / "kept").mkdir()
        for name in STAND_INS:
            (self.bin / name).symlink_to(Path(docs_commands.__file__).resolve())
        for name in ALLOWED:
            if found := shutil.which(name):
                (self.bin / name).symlink_to(found)
        sysroot = subprocess.check_output(["rustc", "--print", "sysroot"], text=True).strip()
        real = {
            "program": str(program), "tree": str(self.tree), "curl": shutil.which("curl"),
            "grpcurl": find("grpcurl", tools), "rustc": f"{sysroot}/bin/rustc",
            "kept": str(scratch / "kept"),
        }
        self.environment = {
            "PATH": str(self.bin),
            "HOME": str(scratch), "LANG": "C.UTF-8", "NO_COLOR": "1", "DOCS_REAL": json.dumps(real),
        }

    def common(self):
        """The server that blocks call which start none."""
        state = self.scratch / "common"
        state.mkdir()
        (state / "ports").write_text("")
        docs_commands.STATE, docs_commands.REAL = state, json.loads(self.environment["DOCS_REAL"])
        os.environ.pop("METRICS_PORT", None)
        docs_commands.run(["--debug", "--model", "demo"])
        self.ports = (state / "ports").read_text()

    def run(self, numbered):
        number, block = numbered
        state = self.scratch / f"block-{number}"
        state.mkdir()
        (state / "ports").write_text(self.ports)
        (state / "notes").touch()
        tree = self.tree
        # What may write files.
        if re.search(r"eject|new_flow|cp |>", block.text):
            tree = state / "tree"
            shutil.copytree(self.tree, tree)
        environment = {**self.environment, "DOCS_STATE": str(state)}
        try:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block.text], cwd=tree, env=environment, timeout=120, text=True,
                errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )
            code, said = done.returncode, done.stdout
        except subprocess.TimeoutExpired as expired:
            code, said = "none after 120 s", (expired.stdout or b"").decode(errors="replace")
        faults = [f"exit code {code}\n{said[-3000:]}"] if code else []
        faults += docs_commands.stop_all(state)
        return faults, (state / "notes").read_text().splitlines()


def find(name, tools):
    path = f"{tools}/venv/bin:{os.environ['PATH']}" if tools else None
    return shutil.which(name, path=path)


def named_files(page, text):
    """Files and recipes that a page names in code, and that do not exist."""
    if page.endswith("add-a-flow.md"):
        return []
    faults = [f"{page}: there is no {it}" for it in FILES.findall(text) if "NAME" not in it and not (ROOT / it).exists()]
    recipes = set(re.findall(r"^([a-z][a-z0-9-]*)[^:=\n]*:", (ROOT / "justfile").read_text(), re.M))
    return faults + [f"{page}: no recipe {it}" for it in re.findall(r"`just ([a-z][\w-]*)", text) if it not in recipes]


def check_commands(program, tools, scratch):
    runner = Runner(program.resolve(), tools, scratch)
    found, faults = [], []
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        page, text = str(path.relative_to(ROOT)), path.read_text()
        of_page, wrong = blocks(page, text)
        found += of_page
        faults += wrong + named_files(page, text)
    runner.common()
    left, notes = [it for it in found if it.reason is None], []
    # What finds nothing must be able to find something.
    for command in ("no-such-command", "curl localhost:8080/no-such-path", "cargo run -- --no-such-option"):
        if not runner.run((f"wrong-{len(command)}", Block("", 0, command, None)))[0]:
            faults.append(f"this check does not find that it is wrong: {command}")
    with ThreadPoolExecutor(4) as pool:
        for block, (wrong, noted) in zip(left, pool.map(runner.run, enumerate(left))):
            faults += [f"{block}: {it}" for it in wrong]
            notes += [f"{block}: {it}" for it in noted]
    faults += docs_commands.stop_all(scratch / "common")
    notes += [f"{it}: not run: {it.reason}" for it in found if it.reason is not None]
    unused = [it for it in docs_commands.REASONS if not any(f"not run: {it} " in line for line in notes)]
    faults += [f"docs_commands.py: no page has a command {it}, which REASONS explains" for it in unused]
    print("\n".join(notes))
    print(f"{len(found)} blocks of commands, {len(left)} run")
    return faults


def check_book(root, tools, scratch):
    faults = []
    summary = (root / "docs/SUMMARY.md").read_text()
    for page in (root / "docs").glob("*.md"):
        if page.name != "SUMMARY.md" and f"({page.name})" not in summary:
            faults.append(f"docs/SUMMARY.md does not have {page.name}")
    mdbook, lychee = find("mdbook", tools), find("lychee", tools)
    if not (mdbook and lychee):
        missing = "mdbook" if not mdbook else "lychee"
        if tools:
            return [*faults, f"{tools}/venv/bin has no {missing}"]
        print(f"skipped: the book and its links ({missing} is not installed)")
        return faults
    book = scratch / "book"
    done = subprocess.run([mdbook, "build", "-d", book, root], capture_output=True, text=True)
    said = done.stdout + done.stderr
    if done.returncode or re.search(r"\b(WARN|ERROR)\b", said):
        return [*faults, f"mdbook build: exit code {done.returncode}\n{said}"]
    if marks := [it.name for it in book.glob("*.html") if "<!-- eject" in it.read_text() or "<!-- check" in it.read_text()]:
        faults.append(f"comments for programs are in the book: {' '.join(marks)}")
    sources = [it for it in root.rglob("*.md") if not {"target", "node_modules", ".git"} & set(it.relative_to(root).parts)]
    for title, inputs in (("the book", [book]), ("the files", sources)):
        links, said = follow(lychee, book, inputs)
        if links:
            faults.append(f"links of {title}:\n{said}")
        print(f"{title}: {said.strip().splitlines()[-1] if said.strip() else 'no links'}")
    # What finds nothing must be able to find something.
    wrong = scratch / "wrong.md"
    for link in ("#no-such-heading", "no-such-file.md"):
        wrong.write_text(f"# Heading\n\n[a link]({link})\n")
        if not follow(lychee, book, [wrong])[0]:
            faults.append(f"lychee does not find that {link} is wrong")
    return faults


def follow(lychee, root, inputs):
    options = ["--offline", "--include-fragments", "--no-progress", "--root-dir", root]
    done = subprocess.run([lychee, *options, *inputs], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def main():
    arguments, since = sys.argv[1:], time.monotonic()
    only_book = arguments[:1] == ["--book"]
    arguments = arguments[1:] if only_book else arguments
    if not 1 <= len(arguments) <= 2 or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 64
    tools = Path(arguments[1]).resolve() if len(arguments) == 2 else None
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        if only_book:
            faults = check_book(Path(arguments[0]).resolve(), tools, scratch)
        else:
            faults = check_commands(Path(arguments[0]), tools, scratch) + check_book(ROOT, tools, scratch)
    for fault in faults:
        print(f"WRONG {fault}", file=sys.stderr)
    print(f"{len(faults)} faults, {time.monotonic() - since:.0f} s")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
