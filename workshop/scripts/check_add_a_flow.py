#!/usr/bin/env python3
"""Follows docs/add-a-flow.md in ejected copies: counts its places, calls its flows, and forgets each step in turn.

    workshop/scripts/check_add_a_flow.py [TOOLS] [--all] [--only COPY] [--keep-all-steps]

TOOLS is a folder with venv/bin/grpcurl. Without --all there are two copies: axum with gRPC, and poem without gRPC
and without the sample flows. COPY is such as `axum+grpc` or `actix`. With --keep-all-steps no step is forgotten.
The page is read from the ejected copy, so that names and files are those an owner sees. All copies are laid out in
one folder in turn and share the target folder: only what differs is compiled again.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
from add_a_flow_calls import call_all  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
SCRATCH = TARGET / "add-a-flow"
PAGE = "docs/add-a-flow.md"
NAME = "invoices"
# Some without the sample flows: the page's places must be there all the same.
ALL = {
    "axum+grpc": [],
    "poem": ["--flows", "none"],
    "axum": [],
    "actix+grpc": ["--flows", "none"],
    "actix": [],
    "poem+grpc": [],
}
# Files and places for one flow: without gRPC, and with it.
GOALS = {False: (5, 12), True: (7, 16)}
# The tests that notice what the compiler does not; `cargo test --workspace --all-features` runs them, too.
NOTICING = {
    "tests/flows.rs": ["test", "--all-features", "--test", "flows"],
    "adapters/grpc/src/mount.rs": ["test", "-p", "adapter-grpc", "--lib", "every_flow"],
}


class Failed(Exception):
    """What is wrong with the page or the project."""


@dataclass(frozen=True)
class Step:
    flow: str
    title: str
    path: str
    where: str
    block: str
    # A row of a document or a call of a script: no place of the flow, and nothing notices that it is missing.
    documents: bool

    @property
    def number(self):
        return self.title.split(".")[0]


def pages_steps(page, kept):
    """The steps of the page, without those of what was ejected."""

    def marked(match):
        return match[2] if match[1] in kept else ""

    page = re.sub(r"<!-- eject: (\w+) -->(.*?)<!-- eject: end -->", marked, page, flags=re.S)
    steps, flow, title, place, documents = [], None, None, None, False
    lines = iter(page.splitlines())
    for line in lines:
        if line.startswith("## "):
            example = re.fullmatch(r"## Example: `(\w+)`", line)
            flow, title, documents = example and example[1], None, line == "## Document it"
        elif line.startswith("### "):
            title = line[4:]
            flow = title.strip("`") if documents else flow
        elif found := re.fullmatch(r"<!-- place: ([^,]+), (.+) -->", line):
            place = found
        elif line.startswith("```") and place:
            block, fence = [], re.match("`+", line)[0]
            while (line := next(lines)) != fence:
                block.append(line)
            if not (flow and title):
                raise Failed(f"{PAGE}: a block outside of a step: {place[0]}")
            steps.append(Step(flow, title, place[1], place[2], "\n".join(block) + "\n", documents))
            place = None
    if place or not steps:
        raise Failed(f"{PAGE}: no steps, or a place without a block")
    return steps


def insert(text, step):
    """The file's text with the step's block in its place."""
    if step.where == "new file":
        if text is not None:
            raise Failed(f"{step.title}: {step.path} is no new file")
        return step.block
    if text is None:
        raise Failed(f"{step.title}: there is no {step.path}")
    if step.where == "end of file":
        return f"{text}\n{step.block}"
    found = re.fullmatch(r'(before|after|end of) "(.+)"', step.where)
    if not found:
        raise Failed(f"{step.title}: no such place: {step.where}")
    kind, anchor = found.groups()
    if kind == "end of":
        starts = list(re.finditer(rf"^( *){re.escape(anchor)}.*\{{\n", text, re.M))
        at = starts[0].end() if starts else -1
        closing = re.compile(rf"^{starts[0][1]}\}}", re.M).search(text, at) if starts else None
        at = closing.start() if closing else -1
        block = f"\n{step.block}"
    else:
        starts = [it for it in re.finditer(re.escape(anchor), text)]
        # Before: above the line that has it.
        at = (text.rfind("\n", 0, starts[0].start()) + 1 if kind == "before" else starts[0].end()) if starts else -1
        block = step.block if kind == "before" else f"\n{step.block.rstrip()}"
    if len(starts) != 1 or at < 0:
        raise Failed(f"{step.title}: {step.path} has {len(starts)} places {step.where}")
    rest = text[at:]
    if kind == "after" and not rest.startswith("\n"):
        block += "\n"
    return text[:at] + block + rest


class Copy:
    """An ejected copy. It is laid out in the folder that all copies share."""

    def __init__(self, name):
        self.name, self.tree, self.work = name, SCRATCH / f"tree-{name}", SCRATCH / NAME
        self.framework, _, grpc = name.partition("+")
        self.grpc = bool(grpc)

    def eject(self):
        shutil.rmtree(self.tree, ignore_errors=True)
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        for path in subprocess.check_output(command, cwd=ROOT, text=True).split("\0"):
            if path and (ROOT / path).is_file():
                (self.tree / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / path, self.tree / path)
        drop = ["--drop", "redis"] if self.grpc else ["--drop", "redis", "grpc"]
        options = ["--keep", self.framework, *drop, *ALL[self.name], "--name", NAME, "--force"]
        done = subprocess.run(["scripts/eject.sh", *options], cwd=self.tree, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"scripts/eject.sh {shlex.join(options)}\n{done.stdout}{done.stderr}")
        page = (self.tree / PAGE).read_text()
        self.steps = pages_steps(page, {self.framework, *(["grpc"] if self.grpc else [])})
        self.lay_out()

    def lay_out(self):
        """Writes what differs from the copy that was there before, and nothing else: cargo goes by file times."""
        files = {it.relative_to(self.tree) for it in self.tree.rglob("*") if it.is_file()}
        if self.work.exists():
            # Files before their folders.
            for old in sorted(self.work.rglob("*"), reverse=True):
                if old.is_file() and old.relative_to(self.work) not in files:
                    old.unlink()
                elif old.is_dir() and not any(old.iterdir()):
                    old.rmdir()
        for path in files:
            write(self.work / path, (self.tree / path).read_bytes())
            shutil.copymode(self.tree / path, self.work / path)

    def follow(self, left_out=()):
        """Does all steps but these."""
        texts = {}
        for path in {it.path for it in self.steps}:
            texts[path] = (self.tree / path).read_text() if (self.tree / path).exists() else None
        for step in self.steps:
            if step not in left_out:
                texts[step.path] = insert(texts[step.path], step)
        for path, text in texts.items():
            write(self.work / path, None if text is None else text.encode())

    def cargo(self, *arguments):
        environment = {**os.environ, "CARGO_TARGET_DIR": str(TARGET), "CARGO_TERM_COLOR": "never"}
        done = subprocess.run(
            ["cargo", *arguments], cwd=self.work, env=environment, text=True, errors="replace",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        return done.returncode == 0, done.stdout

    def must(self, *arguments):
        passed, said = self.cargo(*arguments)
        if not passed:
            raise Failed(f"{self.name}: cargo {shlex.join(arguments)}\n{said[-6000:]}")

    def noticing(self):
        return {file: it for file, it in NOTICING.items() if self.grpc or "grpc" not in file}

    def notices(self):
        """Who notices that something is missing, and what the owner reads."""
        passed, said = self.cargo("check", "--workspace", "--all-features", "--message-format", "short")
        if not passed:
            return "compiler", first_error(said)
        for file, command in self.noticing().items():
            passed, said = self.cargo(*command)
            if "panicked at" in said:
                return file, first_failure(said)
            if not passed:
                # Such as a full disk, which is no test that noticed.
                raise Failed(f"{self.name}: cargo {shlex.join(command)}\n{said[-3000:]}")
        raise Failed(f"{self.name}: nothing notices it")


def write(path, content):
    if content is None:
        path.unlink(missing_ok=True)
    elif not path.exists() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def first_error(said):
    errors = [it for it in said.splitlines() if re.search(r"\berror(\[E\d+\])?: ", it)]
    # A build script's error is of several lines; the cause is in the last ones.
    build = re.search(r"--- stderr\n\s*(.+)", said)
    return build[1] if build else (errors or [said.strip()[-200:]])[0]


def first_failure(said):
    """The message of the first test that failed; of one that names a file, if there is one."""
    found = re.findall(r"panicked at [^\n]*\n(.+?)(?:\nnote:|\n\n|\nstack)", said, re.S)
    named = [it for it in found if re.search(r"\.(rs|proto)\b|proto file", it)]
    return " ".join((named or found or [said[-300:]])[0].split())


def omissions(copy, all_steps):
    """What to forget: each step, all steps of a route, all steps of a procedure."""
    needed = [it for it in copy.steps if not it.documents]
    route = f"adapters/{copy.framework}/"
    procedure = ("proto/", "adapters/grpc/")
    if all_steps:
        yield from ((f"{it.flow}: {it.title}", [it]) for it in needed)
    else:
        own = [it for it in needed if it.path.startswith(route)]
        yield from ((f"{it.flow}: {it.title}", [it]) for it in own)
    for flow in dict.fromkeys(it.flow for it in needed):
        own = [it for it in needed if it.flow == flow and it.path.startswith(route)]
        if len(own) > 1:
            yield f"{flow}: all of {own[0].path}", own
        if copy.grpc:
            yield f"{flow}: all of gRPC", [
                it for it in needed if it.flow == flow and it.path.startswith(procedure)
            ]


def timed(what, action, *arguments):
    since = time.monotonic()
    print(f"  {what} … ", end="", flush=True)
    try:
        result = action(*arguments)
    except (Failed, AssertionError):
        print(f"FAILED after {time.monotonic() - since:.0f} s", flush=True)
        raise
    print(f"{time.monotonic() - since:.0f} s", flush=True)
    return result


def count(copy):
    rows = []
    for flow in dict.fromkeys(it.flow for it in copy.steps):
        steps = [it for it in copy.steps if it.flow == flow and not it.documents]
        files, places = len({it.path for it in steps}), len(steps)
        goal = GOALS[copy.grpc]
        rows.append(f"{copy.name:<11} {flow:<18} {files} files of {goal[0]}, {places} places of {goal[1]}")
        if files > goal[0] or places > goal[1]:
            raise Failed(f"too many: {rows[-1]}")
    return rows


def check(copy, options):
    """Follows the page in one copy. Returns the rows of both tables."""
    print(f"::: {copy.name}", flush=True)
    timed("eject", copy.eject)
    counts = count(copy)
    copy.follow()
    timed("cargo fmt", copy.must, "fmt", "--all")
    timed("cargo build", copy.must, "build", "--all-features", "--bin", NAME)
    program = TARGET / "debug" / NAME
    calls = timed("start, call", call_all, program, copy.grpc and copy.work / "proto", options.tools)
    for line in calls:
        print(f"    {line}", flush=True)
    for file, command in copy.noticing().items():
        timed(f"{file} passes", copy.must, *command)
    noticed = []
    if not options.keep_all_steps:
        for what, steps in omissions(copy, all_steps=copy.name == "axum+grpc"):
            copy.follow(left_out=steps)
            who, message = timed(f"without {what}", copy.notices)
            print(f"    {who}: {message}", flush=True)
            noticed.append((copy.name, what, who, message))
    return counts, noticed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tools", nargs="?", type=Path)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--only", choices=list(ALL))
    parser.add_argument("--keep-all-steps", action="store_true")
    options = parser.parse_args()
    counts, noticed = [], []
    names = [options.only] if options.only else list(ALL) if options.all else list(ALL)[:2]
    try:
        for name in names:
            of_copy = check(Copy(name), options)
            counts += of_copy[0]
            noticed += of_copy[1]
    except (Failed, AssertionError) as error:
        sys.exit(f"error: {error}")
    print("\n| Copy | Forgotten | Noticed by | What the owner reads |\n|---|---|---|---|")
    for row in noticed:
        print("| " + " | ".join(it.replace("|", "\\|")[:160] for it in row) + " |")
    print("\n" + "\n".join(counts))


if __name__ == "__main__":
    main()
