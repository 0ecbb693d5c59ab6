#!/usr/bin/env python3
"""Runs the server behind the proxies of deploy/proxies, with the committed configurations.

    workshop/scripts/check_proxies.py [TOOLS] [--proxy NAME] [--seconds N] [--thinking]

For each proxy and each framework and listener: scripts/test_endpoints.sh through it, then good clients beside clients
whose long bodies are refused; a good one must not see a failure. For gRPC: scripts/test_grpc_endpoints.sh through the
proxy, and gRPC-Web over HTTP/1.1 beside the same bad clients. With --thinking: a model that thinks for 40 s, through
nginx that waits for 30, and with Genkit's own client where TOOLS has it. TOOLS is a folder with venv/bin/caddy, traefik and grpcurl; nginx and haproxy are Debian's.
"""

import argparse
import http.client
import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "debug/genkit-endpoints"
COMBINATIONS = [(f, l) for f in ("axum", "actix", "poem") for l in ("native", "hyper")]
FILES = {
    "nginx": ["nginx.conf"],
    "caddy": ["Caddyfile"],
    "haproxy": ["haproxy.cfg"],
    "traefik": ["traefik.yaml", "traefik-routes.yaml"],
}
GOOD, BAD = 8, 2
SIZES = {"20 kB": 20_000, "100 kB": 100_000, "2 MB": 2_000_000}
GRPC_WEB = {"content-type": "application/grpc-web+proto", "x-grpc-web": "1"}
HEALTH = "/genkit.sample.v1.GenkitService/Health"


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def wait_for(port):
    for _ in range(200):
        with socket.socket() as it:
            if it.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on {port}")


def process_listens(process, port):
    """Whether it has come to listen; it has not if it has ended, since somebody else has its port."""
    for _ in range(400):
        if process.poll() is not None:
            return False
        with socket.socket() as it:
            if it.connect_ex(("127.0.0.1", port)) == 0:
                return process.poll() is None
        time.sleep(0.05)
    return False


@contextmanager
def running(command, **options):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


@contextmanager
def server(framework, listener, **settings):
    environment = {
        "PATH": os.environ["PATH"],
        "MODEL": "demo",
        "RATE_LIMIT_DEFAULT": "1000000/second",
        "LOG_LEVEL": "error",
        "TRUSTED_PROXIES": "127.0.0.0/8",
        "DEBUG": "true",
        **settings,
    }
    # Somebody else may take a port between the look and the start.
    for _ in range(5):
        rest, grpc = free_port(), free_port()
        ports = ["--port", str(rest), "--grpc-port", str(grpc)]
        with running([PROGRAM, "--framework", framework, "--server", listener, *ports], env=environment) as process:
            if process_listens(process, rest) and process_listens(process, grpc):
                yield rest, grpc
                return
    raise SystemExit(f"{framework}/{listener} does not start")


@contextmanager
def proxy(name, tools, rest, grpc, change=lambda text: text):
    """The proxy with its committed files, but for the ports and the folder."""
    front, front_grpc = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        for file in FILES[name]:
            text = (ROOT / "deploy/proxies" / file).read_text()
            for old, new in ((8080, rest), (50051, grpc), (8000, front), (8001, front_grpc)):
                text, count = re.subn(rf"(?<=[: ]){old}\b", str(new), text)
                assert count or file == "traefik.yaml" or old not in (8080, 50051), f"{file}: no port {old}"
            Path(folder, file).write_text(change(text))
        path = {it: shutil.which(it) or str(tools / "venv/bin" / it) for it in FILES}[name]
        command = {
            "nginx": [path, "-c", f"{folder}/nginx.conf", "-g", f"daemon off; pid {folder}/pid; error_log stderr;"],
            "caddy": [path, "run", "--config", f"{folder}/Caddyfile", "--adapter", "caddyfile"],
            "haproxy": [path, "-db", "-f", f"{folder}/haproxy.cfg"],
            "traefik": [path, f"--configFile={folder}/traefik.yaml"],
        }[name]
        home = {**os.environ, "HOME": folder, "XDG_DATA_HOME": folder, "XDG_CONFIG_HOME": folder}
        with running(command, env=home, cwd=folder):
            wait_for(front)
            wait_for(front_grpc)
            # HAProxy and Traefik look first whether the server is ready.
            for _ in range(100):
                try:
                    connection = http.client.HTTPConnection("127.0.0.1", front, timeout=5)
                    connection.request("GET", "/health")
                    if connection.getresponse().status == 200:
                        break
                except OSError:
                    pass
                time.sleep(0.1)
            yield front, front_grpc


def script(name, **environment):
    run = subprocess.run(
        [ROOT / "scripts" / name], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if run.returncode:
        print(run.stdout[-3000:], run.stderr[-1000:])
    lines = run.stdout.strip().splitlines()
    return run.returncode == 0, lines[-1] if lines else ""


def good_client(port, call, until, failures, counts):
    """Calls again and again on one connection, which the proxy may close between two calls."""
    connection = None
    while time.monotonic() < until:
        try:
            connection = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            method, path, body, headers = call
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            said = answer.read()
            if answer.status != 200:
                failures.append(f"{answer.status} {said[:80]!r}")
            counts.append(1)
            if answer.will_close:
                connection = None
        except (OSError, http.client.HTTPException) as error:
            failures.append(repr(error))
            connection = None


def bad_client(port, path, body, headers, until, counts):
    while time.monotonic() < until:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            connection.request("POST", path, body, headers)
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            # An answer may overtake the body; what counts is what becomes of the others.
            pass
        counts.append(1)


def mixed(port, call, path, headers, size, seconds):
    """Good clients beside bad ones. Returns the good ones' failures and both counts."""
    until = time.monotonic() + seconds
    failures, good, bad = [], [], []
    threads = [threading.Thread(target=good_client, args=(port, call, until, failures, good)) for _ in range(GOOD)]
    body = b"x" * size
    threads += [threading.Thread(target=bad_client, args=(port, path, body, headers, until, bad)) for _ in range(BAD)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures, len(good), len(bad)


class Thinking(http.server.BaseHTTPRequestHandler):
    """A model server that is silent for 40 s, then streams a word."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.flush()
        time.sleep(40)
        chunk = {
            "candidates": [
                {"content": {"role": "model", "parts": [{"text": "Once."}]}, "finishReason": "STOP", "index": 0}
            ],
            "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
        }
        self.wfile.write(f"data: {json.dumps(chunk)}\r\n\r\n".encode())
        self.close_connection = True

    def log_message(self, *_):
        pass


def thinking(tools):
    """A model that thinks for longer than nginx waits, on all combinations at once."""
    model = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Thinking)
    threading.Thread(target=model.serve_forever, daemon=True).start()
    settings = {
        "MODEL": "googleai/gemini-flash-latest",
        "GEMINI_API_KEY": "key",
        "GEMINI_BASE_URL": f"http://127.0.0.1:{model.server_port}",
    }
    failed = []

    def ask(combination, port):
        began = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=100)
        connection.request("POST", "/tell-story/stream", b"{}", {"content-type": "application/json"})
        answer = connection.getresponse()
        head = time.monotonic() - began
        said = answer.read().decode()
        good = answer.status == 200 and '"done":true' in said
        print(f"{combination}: head after {head:.1f} s, end after {time.monotonic() - began:.1f} s: {said!r}")
        if not good:
            failed.append(combination)

    def ask_as_genkit(combination, port):
        environment = {**os.environ, "TOOLS": str(tools.resolve())}
        command = ["node", ROOT / "workshop/clients/genkit.mjs", f"http://127.0.0.1:{port}/flows/tell_story"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        print(f"{combination}: Genkit's client: {done.stdout.strip()}{done.stderr[-300:]}")
        if done.returncode or '"output":{"story":"Once."}' not in done.stdout:
            failed.append(combination)

    with ExitStack() as stack:
        threads = []
        asks = [ask, ask_as_genkit] if (tools / "node_modules/genkit").exists() else [ask]
        for combination in COMBINATIONS:
            rest, grpc = stack.enter_context(server(*combination, **settings))
            impatient = lambda text: text.replace("proxy_read_timeout 130s", "proxy_read_timeout 30s")
            front, _ = stack.enter_context(proxy("nginx", tools, rest, grpc, impatient))
            threads += [threading.Thread(target=it, args=(combination, front)) for it in asks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tools", nargs="?", default="/tmp/genkit-endpoints-ci", type=Path)
    parser.add_argument("--proxy", choices=FILES, action="append")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--thinking", action="store_true")
    arguments = parser.parse_args()
    subprocess.run(["cargo", "build", "--quiet", "--all-features"], cwd=ROOT, check=True)
    if arguments.thinking:
        sys.exit(bool(thinking(arguments.tools)))
    os.environ["PATH"] = f"{arguments.tools / 'venv/bin'}:{os.environ['PATH']}"
    failed = 0
    joke = ("POST", "/tell-joke", b"{}", {"content-type": "application/json"})
    web = ("POST", HEALTH, b"\0\0\0\0\0", GRPC_WEB)
    for name in arguments.proxy or FILES:
        for number, combination in enumerate(COMBINATIONS):
            door = "/".join(combination)
            with server(*combination) as (rest, grpc), proxy(name, arguments.tools, rest, grpc) as (front, front_grpc):
                good, said = script("test_endpoints.sh", BASE_URL=f"http://127.0.0.1:{front}", NO_COLOR="1")
                print(f"{name} {door}: test_endpoints.sh: {said}", flush=True)
                failed += not good
                for size, length in SIZES.items():
                    failures, calls, refused = mixed(front, joke, "/nope", {}, length, arguments.seconds)
                    print(f"{name} {door}: {len(failures)} of {calls} calls failed beside {refused} bodies of {size}")
                    print(*failures[:3], sep="\n", end="\n" if failures else "", flush=True)
                    failed += len(failures)
                if number:
                    continue
                good, said = script("test_grpc_endpoints.sh", GRPC_ADDRESS=f"127.0.0.1:{front_grpc}", NO_COLOR="1")
                print(f"{name} gRPC: test_grpc_endpoints.sh: {said}", flush=True)
                failed += not good
                # The same routes, to the other port, which has no /ready: gRPC-Web over HTTP/1.1.
                checks = r"    option httpchk GET /ready\n|        healthCheck:\n          path: /ready\n"
                unchecked = lambda text: re.sub(checks, "", text)
                with proxy(name, arguments.tools, grpc, grpc, unchecked) as (front, _):
                    for size, length in SIZES.items():
                        refused_type = {**GRPC_WEB, "content-type": "text/plain"}
                        outcome = mixed(front, web, HEALTH, refused_type, length, arguments.seconds)
                        failures, calls, refused = outcome
                        print(f"{name} gRPC-Web: {len(failures)} of {calls} failed beside {refused} of {size}")
                        print(*failures[:3], sep="\n", end="\n" if failures else "", flush=True)
                        failed += len(failures)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
