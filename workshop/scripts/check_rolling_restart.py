#!/usr/bin/env python3
"""Restarts two replicas behind HAProxy one after the other, under load, as Kubernetes does with deploy/k8s.

    workshop/scripts/check_rolling_restart.py [--program FILE] [--framework NAME…] [--listener NAME…] [--rounds N]
                                              [--proxy haproxy|nginx] [--no-pre-stop]

A replica that goes: preStop begins; LAG later the proxy hears of it and sends nothing new there; after PRE_STOP comes
SIGTERM; the replica drains and ends. Another starts in its place, is asked until /ready says 200, and LAG later the
proxy hears of that. Meanwhile clients make whole calls and streams over REST and gRPC, some of which are longer than
SHUTDOWN_GRACE. No whole call may fail, and every stream must end in its last frame, or for gRPC in a status with the
server's words. --no-pre-stop leaves preStop out: then calls must fail, which shows that the check can see it.

Needs nginx or haproxy, and grpcio (pip).
"""

import argparse
import collections
import http.client
import json
import os
import random
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("PROGRAM", Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug/genkit-endpoints"))
# Seconds. deploy/k8s has 10 for preStop and 25 for the grace; a proxy hears of a pod within a few.
LAG, PRE_STOP, GRACE = 1.5, 4, 5
SHORT, LONG = 1.5, 12  # how long the model's streams take
SERVICE = "/genkit.sample.v1.GenkitService"


class Model(BaseHTTPRequestHandler):
    """A Gemini: a whole answer takes up to 1.2 s, a stream SHORT or LONG."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        if ":streamGenerateContent" not in self.path:
            time.sleep(random.uniform(0.05, 1.2))
            answer = json.dumps(event("An answer.", "STOP")).encode()
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
            return
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        seconds = LONG if b"LONG" in body else SHORT
        count = int(seconds / 0.15)
        for nth in range(count):
            piece = b"data: %s\r\n\r\n" % json.dumps(event("A sentence. ", "STOP" if nth + 1 == count else None)).encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            time.sleep(0.15)
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_):
        pass


class Models(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass  # The server left, as it does when it ends.


def event(text, finish=None):
    candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
    return {"candidates": [candidate | ({"finishReason": finish} if finish else {})], "modelVersion": "fake"}


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def get(port, path, timeout=5):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


def wait_until(what, true):
    for _ in range(300):
        if true():
            return
        time.sleep(0.05)
    raise SystemExit(f"after 15 s: {what}")


class Replica:
    """A server with the same ports each time it starts."""

    def __init__(self, program, framework, listener, model):
        self.ports = free_port(), free_port()
        self.command = [program, "--framework", framework, "--server", listener, "--port", str(self.ports[0]),
                        "--grpc-port", str(self.ports[1])]
        self.environment = {
            "PATH": os.environ["PATH"], "GEMINI_API_KEY": "x", "GEMINI_BASE_URL": model, "LOG_LEVEL": "error",
            "RATE_LIMIT_DEFAULT": "1000000/second", "SHUTDOWN_GRACE": str(GRACE), "TRUSTED_PROXIES": "127.0.0.1",
            "HTTP_POOL_MAX": "500",
        }
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, env=self.environment, stdout=subprocess.DEVNULL)
        wait_until("a replica is not ready", lambda: get(self.ports[0], "/ready") == 200)

    def stop(self):
        """Seconds from SIGTERM to the end, and the exit code."""
        since = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(GRACE + 10)
        return time.monotonic() - since, code


class Haproxy:
    """deploy/proxies/haproxy.cfg with two servers, told by its socket which to use."""

    def __init__(self, folder, replicas):
        self.folder, self.front, self.front_grpc = folder, free_port(), free_port()
        text = (ROOT / "deploy/proxies/haproxy.cfg").read_text()
        text = text.replace("defaults", f"global\n    stats socket {folder}/socket level admin\n\ndefaults", 1)
        for old, index in ((8080, 0), (50051, 1)):
            line = re.search(rf"    server server (127.0.0.1:{old} .*)\n", text)
            text = text.replace(line[0], "".join(
                f"    server s{nth} {line[1]}\n".replace(str(old), str(it.ports[index])) for nth, it in enumerate(replicas)))
        text = text.replace(":8000", f":{self.front}").replace(":8001", f":{self.front_grpc}")
        Path(folder, "haproxy.cfg").write_text(text)
        self.process = subprocess.Popen(["haproxy", "-db", "-f", f"{folder}/haproxy.cfg"], stderr=subprocess.DEVNULL)

    def use(self, nth, yes):
        for backend in ("rest", "grpc"):
            with socket.socket(socket.AF_UNIX) as it:
                it.connect(f"{self.folder}/socket")
                it.sendall(f"set server {backend}/s{nth} state {'ready' if yes else 'maint'}\n".encode())
                assert it.recv(1000).strip() == b"", "HAProxy refuses"


class Nginx:
    """deploy/proxies/nginx.conf with two servers, which is written anew and loaded again for each change."""

    def __init__(self, folder, replicas):
        self.folder, self.replicas, self.used = folder, replicas, {0, 1}
        self.front, self.front_grpc = free_port(), free_port()
        self.write()
        self.command = ["nginx", "-c", f"{folder}/nginx.conf", "-g", f"pid {folder}/pid; error_log {folder}/log; worker_processes 1;"]
        self.process = subprocess.Popen([*self.command[:-1], self.command[-1] + " daemon off;"])

    def write(self):
        text = (ROOT / "deploy/proxies/nginx.conf").read_text()
        for old, index in ((8080, 0), (50051, 1)):
            text = text.replace(f"server 127.0.0.1:{old};", " ".join(
                f"server 127.0.0.1:{self.replicas[nth].ports[index]};" for nth in sorted(self.used)))
        text = text.replace("listen 8000", f"listen {self.front}").replace("listen 8001", f"listen {self.front_grpc}")
        Path(self.folder, "nginx.conf").write_text(text)

    def use(self, nth, yes):
        (self.used.add if yes else self.used.discard)(nth)
        self.write()
        self.process.send_signal(signal.SIGHUP)


class Load:
    def __init__(self, proxy):
        self.proxy, self.until, self.counts, self.failures = proxy, threading.Event(), collections.Counter(), collections.Counter()
        self.threads = []
        kinds = [(self.call, 4), (self.stream, 4), (self.long_stream, 3), (self.rpc, 4), (self.rpc_stream, 3), (self.long_rpc_stream, 2)]
        for kind, count in kinds:
            for _ in range(count):
                self.threads.append(threading.Thread(target=self.repeat, args=(kind,), daemon=True))
        for it in self.threads:
            it.start()

    def repeat(self, kind):
        # One connection for many calls, as clients of REST and gRPC have.
        state = {}
        while not self.until.is_set():
            try:
                outcome = kind(state)
            except Exception as error:
                outcome = f"FAILED {type(error).__name__}: {error}"
                state.clear()
            name = kind.__name__
            if outcome.startswith("FAILED"):
                self.failures[re.sub(r'"request_id":"[^"]*"', "", f"{name}: {outcome}")] += 1
                time.sleep(0.05)
            self.counts[f"{name}: {outcome.split(':')[0]}"] += 1

    def post(self, state, path, body):
        connection = state.setdefault("connection", http.client.HTTPConnection("127.0.0.1", self.proxy.front, timeout=60))
        # As clients do: a connection that the proxy has closed meanwhile is not used again. nginx closes it when it loads
        # its configuration anew, and cannot announce that in the head of a stream that has already begun.
        time.sleep(0.005)
        if connection.sock and select.select([connection.sock], [], [], 0)[0]:
            connection.close()
        connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read().decode()

    def call(self, state):
        status, text = self.post(state, "/tell-joke", {"name": str(random.random())})
        return "whole" if status == 200 else f"FAILED status {status}: {text[:200]}"

    def stream(self, state, topic="SHORT"):
        status, text = self.post(state, "/tell-story/stream", {"topic": f"{topic} {random.random()}"})
        frames = text.strip().split("\n\n")
        ends = [it for it in frames if it.startswith(('data: {"done"', 'data: {"error"'))]
        if status != 200 or len(ends) != 1 or frames[-1] != ends[0]:
            return f"FAILED status {status}, it ends with: {frames[-1][:200]}"
        return "done" if '"done"' in ends[0] else "told of the end"

    def long_stream(self, state):
        return self.stream(state, "LONG")

    def channel(self, state):
        if "channel" not in state:
            options = [("grpc.use_local_subchannel_pool", 1)]  # else all threads share one connection
            state["channel"] = grpc.insecure_channel(f"127.0.0.1:{self.proxy.front_grpc}", options)
        return state["channel"]

    def message(self, text):
        return b"\x0a" + bytes([len(text)]) + text.encode()  # field 1

    def rpc(self, state):
        try:
            self.channel(state).unary_unary(f"{SERVICE}/TellJoke")(self.message(str(random.random())), timeout=60)
            return "whole"
        except grpc.RpcError as error:
            return f"FAILED {error.code().name}: {error.details()}"

    def rpc_stream(self, state, topic="SHORT"):
        count = 0
        try:
            for _ in self.channel(state).unary_stream(f"{SERVICE}/TellStory")(self.message(f"{topic} {random.random()}"), timeout=60):
                count += 1
            return "done"
        except grpc.RpcError as error:
            # Before the first message it was refused, which is as bad as a whole call that is.
            told = count and "shutting down" in (error.details() or "")
            return "told of the end" if told else f"FAILED {error.code().name} after {count} messages: {error.details()}"

    def long_rpc_stream(self, state):
        return self.rpc_stream(state, "LONG")

    def end(self):
        self.until.set()
        for it in self.threads:
            it.join(LONG + 30)


def rolling_restart(options, framework, listener):
    with ExitStack() as stack:
        model = Models(("127.0.0.1", 0), Model)
        threading.Thread(target=model.serve_forever, daemon=True).start()
        stack.callback(model.shutdown)
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        replicas = []
        for _ in range(2):
            replicas.append(Replica(options.program, framework, listener, f"http://127.0.0.1:{model.server_port}"))
            stack.callback(lambda it=replicas[-1]: it.process.kill())
        proxy = (Haproxy if options.proxy == "haproxy" else Nginx)(folder, replicas)
        stack.callback(proxy.process.terminate)
        wait_until("the proxy does not answer", lambda: get(proxy.front, "/health") == 200)
        time.sleep(1)  # HAProxy's checks
        load = Load(proxy)
        time.sleep(3)
        ended, wrong = [], []
        for _ in range(options.rounds):
            for nth, replica in enumerate(replicas):
                hears = threading.Timer(LAG, proxy.use, (nth, False))
                hears.start()
                if not options.no_pre_stop:
                    time.sleep(PRE_STOP)
                seconds, code = replica.stop()
                ended.append(seconds)
                if code != 0 or seconds > GRACE + 1.5:
                    wrong.append(f"replica {nth} ended with {code} after {seconds:.1f} s")
                hears.join()
                replica.start()
                time.sleep(LAG)
                proxy.use(nth, True)
                time.sleep(2)
        load.end()
    print(f"{framework}/{listener} behind {options.proxy}: {len(ended)} restarts, ended after "
          f"{min(ended):.1f} to {max(ended):.1f} s; " + ", ".join(f"{it} {n}" for it, n in sorted(load.counts.items())), flush=True)
    for it, n in load.failures.most_common(12):
        print(f"  {n} × {it}")
    for it in wrong:
        print(f"  {it}")
    told = sum(n for it, n in load.counts.items() if "told of the end" in it)
    if not told and not options.no_pre_stop:
        wrong.append("no stream was cut")
        print("  no stream was longer than the grace: the check has seen nothing of that")
    return sum(load.failures.values()) + len(wrong)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=PROGRAM)
    parser.add_argument("--framework", nargs="+", default=["axum", "actix", "poem"])
    parser.add_argument("--listener", nargs="+", default=["hyper"], choices=["hyper", "native"])
    parser.add_argument("--proxy", default="haproxy", choices=["haproxy", "nginx"])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--no-pre-stop", action="store_true")
    options = parser.parse_args()
    failed = [rolling_restart(options, f, l) for f in options.framework for l in options.listener]
    if options.no_pre_stop:
        print("Calls failed, as they must." if all(failed) else "Without preStop no call failed: the check sees nothing.")
        sys.exit(not all(failed))
    print(f"{sum(failed)} failed")
    sys.exit(bool(sum(failed)))


if __name__ == "__main__":
    main()
