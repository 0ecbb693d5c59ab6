#!/usr/bin/env python3
"""Runs Genkit's own command and Genkit's own client against the built program.

    workshop/scripts/check_genkit.py [TOOLS] [--program PATH]

TOOLS is a folder where `npm install genkit-cli genkit` was run. Both versions of the protocol of the developer tools: what
is listed, runs with and without a stream, failures, what their page asks for, traces, cancelling, and what is left of a
program that was ended or killed. Then the client, on each framework: results, chunks, failures, trace headers, a server that
drains in the middle of a stream, and a model that is silent for 40 s. It needs no internet; the tools' page itself does.
"""

import argparse
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[2]
BUILT = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "debug/genkit-endpoints"
FRAMEWORKS = ("axum", "actix", "poem")
SILENCE = 40
FLOWS = ("tell_joke", "tell_story", "translate_text", "describe_image", "generate_character")
FLOWS += ("pirate_chat", "generate_code", "review_code")
LISTED = [f"/flow/{it}" for it in FLOWS]
LISTED += ["/model/demo", "/tool/get_current_time", "/prompt/code_review", "/executable-prompt/code_review"]
LISTED += ["/util/generate"]

passed = failed = 0


def check(what, holds, seen=None):
    global passed, failed
    passed, failed = passed + bool(holds), failed + (not holds)
    print(f"{'ok' if holds else 'FAILED':7} {what}" + ("" if holds else f"\n        {str(seen)[:2000]}"), flush=True)


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def until(what, found, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if it := found():
                return it
        except (OSError, ValueError, KeyError, TypeError):
            pass
        time.sleep(0.1)
    raise SystemExit(f"{what}: not within {seconds} s")


class Tools:
    """Genkit's command, in a folder of its own and without the internet."""

    def __init__(self, tools, program, folder):
        self.command = [str(tools / "node_modules/.bin/genkit"), "--non-interactive"]
        self.program, self.folder = str(program), folder
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder / ".config"),
            "GENKIT_CLI_DISABLE_UPDATE_NOTIFICATIONS": "true",
            "NO_GRPC": "true",
            "TOOLS": str(tools),
        }
        self.run("config", "set", "analyticsOptOut", "true")

    def run(self, *arguments, seconds=60):
        done = subprocess.run(
            [*self.command, *arguments], cwd=self.folder, env=self.environment, timeout=seconds,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, check=False,
        )
        return done.stdout

    @contextmanager
    def started(self, *options):
        """`genkit start`, and the address of its own server."""
        page, port = free_port(), free_port()
        with (self.folder / "start.log").open("w") as log:
            process = subprocess.Popen(
                [*self.command, "start", "-p", str(page), *options, "--", self.program, "--log-format", "json"],
                cwd=self.folder, env=self.environment | {"PORT": str(port)},
                stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
            )
        page = Page(page, self.folder / "start.log", port)
        try:
            until("the tools list actions", lambda: "/flow/tell_joke" in page.ask("listActions"))
            yield page
        finally:
            # The command ends with the program, but not by a signal of its own.
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def files(self):
        return sorted((self.folder / ".genkit/runtimes").glob("*.json"))


class Page:
    """What the tools' page asks their server for."""

    def __init__(self, port, log, program):
        self.base, self.log, self.program = f"http://localhost:{port}/api", log, f"http://127.0.0.1:{program}"

    def ask(self, procedure, **parameters):
        query = f"?input={quote(json.dumps(parameters))}" if parameters else ""
        with urllib.request.urlopen(f"{self.base}/{procedure}{query}", timeout=20) as answer:
            return json.load(answer)["result"]["data"]

    def post(self, path, body, base=None):
        request = urllib.request.Request(
            f"{base or self.base}/{path}", json.dumps(body).encode(), {"content-type": "application/json"}
        )
        return urllib.request.urlopen(request, timeout=60)

    def action(self, key, given=None, **more):
        try:
            with self.post("runAction", {"key": key, "input": given, **more}) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)

    def stream(self, key, given):
        with self.post("streamAction", {"key": key, "input": given}) as answer:
            lines = answer.read().decode().split("\n")
        return [json.loads(it) for it in lines[:-1]], json.loads(lines[-1])

    def spans(self, trace):
        return list(self.ask("getTrace", traceId=trace)["spans"].values())

    def runtime(self):
        """The process id of the program."""
        return until("a runtime", lambda: self.ask("getCurrentRuntime")["pid"])


def runs(tools, name, tail):
    """`flow:run` with and without a stream, right and wrong."""
    out = tools.run("flow:run", "tell_joke", '{"username": "Zoë"}', *tail)
    check(f"{name}: flow:run prints the result and the trace", "Result:" in out and '"username": "Zoë"' in out and "Trace ID: " in out, out)
    out = tools.run("flow:run", "tell_story", "{}", "-s", *tail)
    check(f"{name}: flow:run -s prints chunks and the result", out.count('"Once upon a time') >= 2 and "Result:" in out, out)
    out = tools.run("flow:run", "tell_joke", '{"username": 5}', *tail)
    check(f"{name}: an input that is wrong is code 3 with a trace", "Code: 3" in out and "/username" in out and "Trace ID: " in out, out)
    if not tail:
        out = tools.run("flow:run", "no_such_flow", "{}")
        check(f"{name}: an unknown flow is code 5", "Code: 5" in out, out)


def page(tools, page, name):
    listed = page.ask("listActions")
    check(f"{name}: every flow, tool, prompt and model is listed", sorted(listed) == sorted(LISTED), sorted(listed))
    check(f"{name}: flows have schemas", all(listed[f"/flow/{it}"]["inputSchema"]["type"] == "object" and listed[f"/flow/{it}"]["outputSchema"] for it in FLOWS), listed)
    check(f"{name}: the default model is told", page.ask("listValues", type="defaultModel") == {"defaultModel": {"name": "demo"}}, page.ask("listValues", type="defaultModel"))

    done = page.action("/flow/translate_text", {"text": "Hello"}, telemetryLabels={"genkitx:label": "x"})
    check(f"{name}: a flow runs as the page runs it", done.get("result", {}).get("original_text") == "Hello", done)
    spans = page.spans(done["telemetry"]["traceId"])
    paths = {it["attributes"]["genkit:path"]: it for it in spans}
    flow = paths.get("/{translate_text,t:flow}", {"attributes": {}})["attributes"]
    check(f"{name}: its trace is there as soon as its answer is, with input and output", "Hello" in flow.get("genkit:input", "") and "Hello" in flow.get("genkit:output", "") and flow.get("genkitx:label") == "x", paths)
    check(f"{name}: the step and the model are inside", {"/{translate_text,t:flow}/{sanitize-input,t:flowStep}", "/{translate_text,t:flow}/{generate,t:util}/{demo,t:action,s:model}"} <= set(paths), list(paths))
    check(f"{name}: all spans have ended", all(it["endTime"] > it["startTime"] for it in spans), spans)

    done = page.action("/tool/get_current_time", {})
    check(f"{name}: a tool runs", "result" in done, done)
    asked = {"messages": [{"role": "user", "content": [{"text": "Hello"}]}], "config": {"temperature": 0.2}}
    done = page.action("/model/demo", asked)
    check(f"{name}: a model runs", done.get("result", {}).get("message", {}).get("role") == "model" and done["result"]["finishReason"] == "stop", done)
    chunks, end = page.stream("/model/demo", asked)
    said = "".join(it["content"][0]["text"] for it in chunks)
    check(f"{name}: a model streams", chunks and said == end["result"]["message"]["content"][0]["text"], (chunks, end))
    done = page.action("/model/demo", {"messages": 5})
    check(f"{name}: a model's wrong request is code 3", done.get("code", done.get("error", {}).get("code")) == 3, done)
    done = page.action("/prompt/code_review", {"code": "let a = 1;"})
    check(f"{name}: a prompt renders", "let a = 1;" in json.dumps(done.get("result", {}).get("messages")), done)
    done = page.action("/executable-prompt/code_review", {"code": "let a = 1;"})
    options = done.get("result", {})
    check(f"{name}: a prompt says what generate is to run", options.get("config") == {"temperature": 0.2} and options.get("output", {}).get("jsonSchema"), done)
    done = page.action("/util/generate", options)
    review = json.loads(done["result"]["message"]["content"][0]["text"]) if "result" in done else {}
    check(f"{name}: generate runs it", "summary" in review, done)
    chunks, end = page.stream("/util/generate", {"messages": asked["messages"], "tools": ["get_current_time"]})
    check(f"{name}: generate streams", chunks and "message" in end.get("result", {}), (chunks, end))

    cancel(page, name)
    with page.post("flows/tell_joke", {"data": {"username": "over HTTP"}}, page.program) as answer:
        trace = answer.headers["x-genkit-trace-id"]
    spans = until("the trace of a request", lambda: page.spans(trace))
    root = next((it for it in spans if "parentSpanId" not in it), {})
    check(f"{name}: a flow called over HTTP is a trace of its own name", root.get("displayName") == "tell_joke" and root["attributes"].get("genkit:isRoot") is True, spans)
    traces = page.ask("listTraces", limit=100)["traces"]
    check(f"{name}: traces are listed by their flows", {"tell_joke", "translate_text", "demo"} <= {it.get("displayName") for it in traces}, [it.get("displayName") for it in traces])


def cancel(page, name):
    """Cancels a story in the middle of its stream."""
    request = urllib.request.Request(
        f"{page.base}/streamAction", json.dumps({"key": "/flow/tell_story", "input": {}}).encode(),
        {"content-type": "application/json"},
    )
    began = time.monotonic()
    with urllib.request.urlopen(request, timeout=20) as answer:
        trace, soon = answer.headers["x-genkit-trace-id"], time.monotonic() - began
        first = answer.readline()
        with page.post("cancelAction", {"traceId": trace}) as told:
            cancelled = json.load(told)
        rest = answer.read().decode()
    end = json.loads(rest.split("\n")[-1]).get("error", {})
    check(f"{name}: the trace is known before the flow has answered", trace and soon < 1, soon)
    check(f"{name}: a run is cancelled", first and end.get("code") == 1 and end["details"]["traceId"] == trace, (first, cancelled, rest))


def both_versions(tools):
    with tools.started() as it:
        check("v1: there is one file", len(tools.files()) == 1, tools.files())
        runs(tools, "v1", [])
        page(tools, it, "v1")
        listed = tools.run("trace:list", "--limit", "50")
        check("v1: trace:list shows them", "tell_joke" in listed and "translate_text" in listed, listed)
        pid = it.runtime()
        os.kill(pid, signal.SIGTERM)
        until("the file goes on SIGTERM", lambda: not tools.files(), 5)
        check("v1: the file goes on SIGTERM", not tools.files())
    with tools.started() as it:
        os.kill(it.runtime(), signal.SIGKILL)
        time.sleep(1)
        left = tools.files()
    out = tools.run("flow:run", "tell_joke", "{}", seconds=120)
    check("v1: what kill -9 leaves is not taken for alive", "Result:" not in out and not tools.files(), (left, out, tools.files()))
    with tools.started("--experimental-reflection-v2") as it:
        check("v2: there is no file", not tools.files(), tools.files())
        page(tools, it, "v2")
    runs(tools, "v2", ["--", tools.program])


class Silent(http.server.BaseHTTPRequestHandler):
    """A Gemini that says nothing for a while, and then something short."""

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self.wfile.flush()
        time.sleep(SILENCE)
        said = {"content": {"parts": [{"text": "so it ends 🐱"}], "role": "model"}, "finishReason": "STOP"}
        usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
        self.wfile.write(f"data: {json.dumps({'candidates': [said], 'usageMetadata': usage})}\r\n\r\n".encode())

    def log_message(self, *_):
        pass


@contextmanager
def served(tools, framework, environment):
    port = free_port()
    process = subprocess.Popen(
        [tools.program, "--framework", framework, "--port", str(port)], cwd=tools.folder,
        env=tools.environment | {"RATE_LIMIT_DEFAULT": "100000/second"} | environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT,
    )
    base = f"http://127.0.0.1:{port}"
    try:
        until("a server", lambda: urllib.request.urlopen(f"{base}/health", timeout=5))
        yield base, process
    finally:
        process.kill()
        process.wait()


def client(tools, base, case):
    return subprocess.Popen(
        ["node", ROOT / "workshop/clients/genkit_flows.mjs", base, case], env=tools.environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )


def came(process, seconds=60):
    try:
        out, error = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return {"hangs": seconds}
    return json.loads(out) if out else {"broke": error}


def clients(tools):
    for framework in FRAMEWORKS:
        with served(tools, framework, {"MODEL": "demo", "GENKIT_ENV": "dev"}) as (base, server):
            def ask(case):
                return came(client(tools, base, case))

            it = ask("result")
            check(f"{framework}: runFlow gives the result, non-ASCII text too", it.get("username") == "Zoë 🐱", it)
            it = ask("chunks")
            check(f"{framework}: streamFlow gives chunks and the result", len(it["chunks"]) > 3 and "".join(it["chunks"]) == it["output"]["story"] and "déjà vu" in it["output"]["story"], it)
            it = ask("partial")
            check(f"{framework}: streamFlow gives what is known so far of an object", it["chunks"] and it["output"] and it["error"] is None, it)
            it = ask("invalid")
            check(f"{framework}: runFlow throws for an input that is wrong", "400" in it.get("error", "") and "INVALID_ARGUMENT" in it["error"], it)
            it = ask("unknown")
            check(f"{framework}: runFlow throws for an unknown flow", "404" in it.get("error", ""), it)
            it = ask("stream_of_unknown")
            check(f"{framework}: streamFlow throws for an unknown flow", it.get("error") and not it["chunks"], it)
            request = urllib.request.Request(f"{base}/flows/tell_joke", b'{"data":{}}', {"content-type": "application/json"})
            with urllib.request.urlopen(request, timeout=20) as answer:
                ids = answer.headers.get("x-genkit-trace-id", ""), answer.headers.get("x-genkit-span-id", "")
            check(f"{framework}: the ids of the trace are in the headers", (len(ids[0]), len(ids[1])) == (32, 16), ids)
        with served(tools, framework, {"MODEL": "demo", "SHUTDOWN_GRACE": "0.2"}) as (base, server):
            streaming = client(tools, base, "chunks")
            streaming.stderr.readline()
            server.terminate()
            it = came(streaming, 20)
            check(f"{framework}: a server that drains ends the client's stream with an error", it.get("chunks") and it.get("error") and it["output"] is None, it)


def silent_model(tools):
    gemini = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    threading.Thread(target=gemini.serve_forever, daemon=True).start()
    environment = {
        "MODEL": "googleai/gemini-2.5-flash", "GEMINI_API_KEY": "x",
        "GEMINI_BASE_URL": f"http://127.0.0.1:{gemini.server_port}", "LLM_TIMEOUT": "120000",
    }

    def one(framework):
        with served(tools, framework, environment) as (base, _):
            began = time.monotonic()
            it = came(client(tools, base, "chunks"), 120)
            check(f"{framework}: a model that is silent for {SILENCE} s is waited for", it.get("chunks") == ["so it ends 🐱"] and time.monotonic() - began >= SILENCE, it)

    threads = [threading.Thread(target=one, args=(it,)) for it in FRAMEWORKS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tools", nargs="?", default="/tmp/genkit-endpoints-ci", type=Path)
    parser.add_argument("--program", default=BUILT, type=Path)
    arguments = parser.parse_args()
    arguments.tools = arguments.tools.resolve()
    if not (arguments.tools / "node_modules/.bin/genkit").exists():
        raise SystemExit(f"npm install genkit-cli genkit, in {arguments.tools}")
    folder = Path(tempfile.mkdtemp(prefix="genkit-"))
    try:
        tools = Tools(arguments.tools, arguments.program, folder)
        both_versions(tools)
        clients(tools)
        silent_model(tools)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{passed} hold, {failed} do not")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
