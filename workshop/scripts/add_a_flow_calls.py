"""Calls the two flows of docs/add-a-flow.md, over every way there is. Used by check_add_a_flow.py.

    workshop/scripts/add_a_flow_calls.py PROGRAM WHOLE STREAMED [--protos FOLDER] [--tools TOOLS] [ARGUMENT…]

With other names for the two flows, as scripts/new_flow.sh makes them, this calls those. The program gets the arguments.
"""

import argparse
import json
import os
import queue
import re
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

INVOICE = {"text": "Desk, 1 piece, 200.00"}


def call_all(program, protos, tools, flows=("summarize_invoice", "explain_invoice"), arguments=()):
    """Starts the program with the demo model. Returns a line for each way; an assertion says what failed.

    `protos` is the folder of the proto file, or falsy without gRPC. `flows` are the one that answers with an object
    and the one that answers with a stream.
    """
    environment = {"PATH": os.environ["PATH"], "MODEL": "demo", "DEBUG": "true", "PORT": "0", "GRPC_PORT": "0"}
    with subprocess.Popen(
        [program, "--log-format", "json", *arguments], env=environment, cwd=tempfile.gettempdir(), text=True,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            rest, grpc = addresses(process, bool(protos))
            whole, streamed = flows
            lines = [unary(rest, whole), events(rest, streamed), by_name(rest, flows), described(rest, flows)]
            return [*lines, procedures(grpc, protos, tools, flows)] if protos else lines
        finally:
            process.kill()


def addresses(process, has_grpc):
    """Where it serves, by its log, which is read to its end so that it never waits."""
    lines = queue.Queue()

    def read():
        for line in process.stdout:
            lines.put(line)

    threading.Thread(target=read, daemon=True).start()
    found, deadline = {}, time.monotonic() + 30
    while len(found) < 1 + has_grpc:
        line = json.loads(lines.get(timeout=max(0.1, deadline - time.monotonic())))
        if "address" in line:
            found["rest" if "framework" in line else "grpc"] = line["address"]
    return f"http://{found['rest']}", found.get("grpc")


def post(url, body, accept="application/json"):
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"content-type": "application/json", "accept": accept}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.headers, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def frames(body):
    return [json.loads(it[6:]) for it in body.splitlines() if it.startswith("data: ")]


def same(found, wanted, what):
    assert found == wanted, f"{what}: {found!r} is not {wanted!r}"


def refused(url, what):
    status, _, body = post(url, {})
    same(status, 422, f"{what} without its required member")
    faults = json.loads(body)["errors"]
    same(faults, [{"pointer": "", "detail": "must have the member \"text\""}], what)


def route(flow):
    return "/" + flow.replace("_", "-")


def pascal(flow):
    return "".join(it.capitalize() for it in flow.split("_"))


def unary(rest, flow):
    url = rest + route(flow)
    answers = [post(url, INVOICE) for _ in range(2)]
    for status, _, body in answers:
        same(status, 200, url)
        same(set(json.loads(body)), {"title", "points"}, "its members")
    same(answers[0][2], answers[1][2], "a cached answer")
    same([it[1]["x-cache"] for it in answers], ["miss", "hit"], "x-cache")
    refused(url, flow)
    return "REST: an object, then the same from the cache; 422 without the required member"


def events(rest, flow):
    url = f"{rest}{route(flow)}/stream"
    status, headers, body = post(url, INVOICE, "text/event-stream")
    same((status, headers["content-type"].split(";")[0]), (200, "text/event-stream"), "the stream")
    *chunks, last = frames(body)
    text = "".join(it["chunk"] for it in chunks)
    same(last, {"done": True, "text": text}, "the last frame")
    assert len(chunks) > 1, "one chunk is no stream"
    refused(url, flow)
    return f"SSE: {len(chunks)} chunks and the whole; 422 without the required member"


def by_name(rest, flows):
    for flow, member in zip(flows, ["title", "text"]):
        url = f"{rest}/flows/{flow}"
        status, _, body = post(url, {"data": INVOICE})
        same(status, 200, url)
        result = json.loads(body)["result"]
        assert member in result, f"{url}: {body}"
        *chunks, last = frames(post(url, {"data": INVOICE}, "text/event-stream")[2])
        same(last, {"result": result}, f"{url}, streamed")
        if flow == flows[1]:
            same("".join(it["message"] for it in chunks), result[member], f"{url}, streamed")
        same(post(url, {"data": {}})[0], 400, f"{url} without its required member")
    return "/flows/…: both flows, unary and as a stream; 400 without the required member"


def described(rest, flows):
    with urllib.request.urlopen(f"{rest}/openapi.json", timeout=30) as response:
        document = json.load(response)
    whole, streamed = flows
    for path in [route(whole), f"{route(streamed)}/stream", f"/flows/{whole}", f"/flows/{streamed}"]:
        assert "post" in document["paths"].get(path, {}), f"{path} is not in OpenAPI"
    for name in [f"{pascal(it)}Input" for it in flows]:
        same(document["components"]["schemas"][name]["required"], ["text"], f"{name}'s required members")
    return "OpenAPI: four operations, the required members"


def procedures(address, protos, tools, flows):
    path = os.pathsep.join(filter(None, [str(tools / "venv/bin") if tools else "", os.environ["PATH"]]))
    grpcurl = shutil.which("grpcurl", path=path)
    if not grpcurl:
        return "gRPC: SKIPPED, there is no grpcurl"
    text = next(protos.glob("*.proto")).read_text()
    service = f"{re.search(r'^package (.+);', text, re.M)[1]}.{re.search(r'^service (.+?) ', text, re.M)[1]}"

    def call(procedure, message):
        # By reflection, which also knows the details of errors.
        command = [grpcurl, "-plaintext", "-d", json.dumps(message), address, f"{service}/{procedure}"]
        return subprocess.run(command, capture_output=True, text=True)

    whole = call(pascal(flows[0]), INVOICE)
    assert whole.returncode == 0 and '"title"' in whole.stdout, whole
    pieces = call(pascal(flows[1]), INVOICE)
    assert pieces.returncode == 0 and pieces.stdout.count('"text"') > 1, pieces
    for procedure in map(pascal, flows):
        without = call(procedure, {})
        assert "InvalidArgument" in without.stderr and "text" in without.stderr, without
    return "gRPC: both procedures; INVALID_ARGUMENT without the required member"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("flows", nargs=2)
    parser.add_argument("--protos", type=Path)
    parser.add_argument("--tools", type=Path)
    options, arguments = parser.parse_known_args()
    for line in call_all(options.program, options.protos, options.tools, options.flows, arguments):
        print(line)


if __name__ == "__main__":
    main()
