#!/usr/bin/env python3
"""Stands in for the programs that the documents' commands call, under the name of each; check_docs.py puts it on PATH.

`cargo run` and the program's own name become the program that is built already, on free ports. `curl` and `grpcurl`
go to those ports. Commands that compile are checked for the names they have. What cannot be run here is in REASONS.
"""

import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

# Programs whose commands are not run, each with who does, or why nobody.
REASONS = {
    "podman": "needs a container engine: check_container.sh builds and runs the image",
    "genkit": "needs Genkit's command: check_genkit.py runs it",
    "npm": "installs",
}
# The same for subcommands of cargo.
CARGO_REASONS = {"install": "installs", "generate": "needs cargo-generate: check_start.sh runs it"}
SUBCOMMANDS = {"flow", "prompt", "openapi", "health", "help", "--help", "--version", "-h", "-V"}
# Options of cargo that have a value.
VALUED = {"--features", "--example", "--test", "--bin", "-p", "--package", "--manifest-path"}
PORTS = {"--port": "8080", "--grpc-port": "50051", "--metrics-port": "9464"}

STATE = Path(os.environ.get("DOCS_STATE", "."))
REAL = json.loads(os.environ.get("DOCS_REAL", "{}"))


class Failed(Exception):
    """Why a command of the documents is wrong."""


def note(line):
    with (STATE / "notes").open("a") as file:
        file.write(line + "\n")


def ports():
    """The port that stands for each port in the documents; the newest server's comes last."""
    return dict(line.split() for line in (STATE / "ports").read_text().splitlines())


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return str(it.getsockname()[1])


def features_exist(names):
    manifest = Path("Cargo.toml").read_text()
    for name in re.split(r"[ ,]", names):
        if not re.search(rf'^{re.escape(name)} = (\[|\{{.*optional = true)', manifest, re.M):
            raise Failed(f"Cargo.toml has no feature {name}")


def cargo(arguments):
    verb, rest = arguments[0], arguments[1:]
    if verb in CARGO_REASONS:
        note(f"not run: cargo {verb} {CARGO_REASONS[verb]}")
        return 0
    own, program = (rest[: rest.index("--")], rest[rest.index("--") + 1 :]) if "--" in rest else (rest, [])
    given = {own[i]: own[i + 1] for i in range(len(own) - 1) if own[i] in VALUED}
    if "--features" in given:
        features_exist(given["--features"])
    for option, folder in (("--example", "examples"), ("--test", "tests")):
        name = given.get(option)
        places = [f"{folder}/{name}.rs", f"{folder}/{name}", *Path(".").glob(f"*/*/{folder}/{name}*")]
        if name and not any(Path(it).exists() for it in places):
            raise Failed(f"there is no {folder}/{name}")
    package = given.get("-p") or given.get("--package")
    manifests = [it.read_text() for it in [Path("Cargo.toml"), *Path(".").glob("*/*/Cargo.toml"), Path("api/Cargo.toml")]]
    if package and not any(f'\nname = "{package}"' in it for it in manifests):
        raise Failed(f"there is no package {package}")
    if verb == "run" and "--example" not in given:
        return run(program)
    if verb not in ("run", "test", "check", "build", "clippy", "doc", "fmt", "metadata"):
        raise Failed(f"cargo {verb} is not known to {Path(__file__).name}")
    note(f"compiles, so only its names are checked: cargo {' '.join(arguments)}")
    return 0


def run(arguments):
    """The program: a command that ends, or a server that stays until the end of the block."""
    environment = {**os.environ}
    if SUBCOMMANDS & set(arguments):
        if "health" in arguments:
            environment["PORT"] = ports()["8080"]
        return subprocess.run([REAL["program"], *arguments], env=environment, timeout=60).returncode
    kept, mapped, skip = [], {"8080": free_port(), "50051": free_port()}, False
    for i, argument in enumerate(arguments):
        if skip:
            skip = False
        elif argument in PORTS:
            mapped[arguments[i + 1]] = mapped.get(PORTS[argument]) or free_port()
            skip = True
        else:
            kept.append(argument)
    environment |= {"PORT": mapped["8080"], "GRPC_PORT": mapped["50051"]}
    environment.setdefault("RATE_LIMIT_DEFAULT", "100000/second")
    if metrics := os.environ.get("METRICS_PORT"):
        mapped[metrics] = environment["METRICS_PORT"] = free_port()
    with (STATE / "ports").open("a") as file:
        file.writelines(f"{shown} {real}\n" for shown, real in mapped.items())
    start(mapped["8080"], [REAL["program"], *kept], environment)
    return 0


def start(port, command, environment):
    """Starts a server. A shell waits for it, to write its exit code down."""
    log = STATE / f"server-{port}"
    script = 'trap : TERM; "$@" & echo $! >"$LOG.pid"; wait $!; code=$?; kill -0 $! 2>/dev/null && { wait $!; code=$?; }; echo $code >"$LOG.code"'
    with log.open("w") as output:
        subprocess.Popen(
            ["bash", "-c", script, "bash", *command],
            env={**environment, "LOG": str(log)}, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).read()
            return
        except OSError:
            time.sleep(0.02)
        if Path(f"{log}.code").exists():
            break
    raise Failed(f"the server does not start: {' '.join(command[1:])}\n{log.read_text()}")


def stop_all(state):
    """Ends the servers that a block has started; each must end well."""
    faults = []
    pids = sorted(state.glob("server-*.pid"))
    for pid in pids:
        try:
            os.kill(int(pid.read_text()), signal.SIGTERM)
        except ProcessLookupError:
            pass
    for pid in pids:
        code = pid.with_suffix(".code")
        until = time.monotonic() + 15
        while not (code.exists() and code.read_text()) and time.monotonic() < until:
            time.sleep(0.02)
        ended = code.read_text().strip() if code.exists() else "none: it does not end"
        if ended != "0":
            faults.append(f"a server's exit code: {ended}\n{pid.with_suffix('').read_text()}")
    return faults


def to_real_port(argument, known):
    def replaced(found):
        if found[2] not in known:
            raise Failed(f"no server of this block is on port {found[2]}: {argument}")
        return f"{found[1]}{known[found[2]]}"

    return re.sub(r"^((?:http://)?(?:localhost|127\.0\.0\.1):)(\d+)\b", replaced, argument)


def call(name, arguments):
    known = ports()
    real = [to_real_port(it, known) for it in arguments]
    if real == arguments:
        raise Failed(f"{name} calls none of this page's servers: {' '.join(arguments)}")
    if name == "grpcurl":
        if not REAL.get("grpcurl"):
            note("not run: grpcurl is not installed")
            return 0
        return subprocess.run([REAL["grpcurl"], "-max-time", "30", *real]).returncode
    fail = [] if {"-f", "--fail"} & set(real) else ["--fail-with-body"]
    command = [REAL["curl"], "--silent", "--show-error", "--max-time", "30", *fail, *real]
    if "-N" not in real:
        return subprocess.run(command).returncode
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    sys.stdout.write(done.stdout)
    if not done.returncode and not re.search(r'^data: +\{"(done":true|result":)', done.stdout, re.M):
        raise Failed(f"the stream has no last event: {' '.join(arguments)}\n{done.stdout}")
    return done.returncode


def git(arguments):
    """`git clone OPTION… ADDRESS FOLDER` copies what is here; nothing else is done."""
    if arguments[:1] == ["clone"]:
        shutil.copytree(REAL["tree"], arguments[-1], symlinks=True)
        return 0
    return 1


def rustc(arguments):
    """Compiles each program of scripts/ once for all blocks. Unoptimised it takes a fifth of the time."""
    source = next(it for it in arguments if it.endswith(".rs"))
    kept, output = Path(REAL["kept"], source.replace("/", "-")), arguments[-1]
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            options = [it for it in arguments[:-1] if it != "-O"]
            if code := subprocess.run([REAL["rustc"], *options, kept]).returncode:
                return code
    shutil.copy2(kept, output)
    return 0


def just(arguments):
    names = re.findall(r"^([a-z][a-z0-9-]*)[^:=\n]*:", Path("justfile").read_text(), re.M)
    for recipe in arguments[:1]:
        if recipe not in names and not recipe.startswith("-"):
            raise Failed(f"the justfile has no recipe {recipe}")
    note(f"its recipe exists: just {' '.join(arguments)}")
    return 0


def main():
    name, arguments = Path(sys.argv[0]).name, sys.argv[1:]
    try:
        if name in REASONS:
            note(f"not run: {name} {REASONS[name]}")
            return 0
        if name in ("curl", "grpcurl"):
            return call(name, arguments)
        if name == "rustc":
            return rustc(arguments)
        return {"cargo": cargo, "git": git, "just": just}.get(name, run)(arguments)
    except Failed as failed:
        print(failed, file=sys.stderr)
        return 96


if __name__ == "__main__":
    sys.exit(main())
