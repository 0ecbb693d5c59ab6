"""Calls the two flows of docs/add-a-flow.md, over every way there is. Used by check_add_a_flow.py."""

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

INVOICE = {"invoice": "Desk, 1 piece, 200.00"}


def call_all(program, protos, tools):
    """Starts the program with the demo model. Returns a line for each way; an assertion says what failed.

    `protos` is the folder of the proto file, or falsy without gRPC.
    """
    environment = {"PATH": os.environ["PATH"], "MODEL": "demo", "DEBUG": "true", "PORT": "0", "GRPC_PORT": "0"}
    with subprocess.Popen(
        [program, "--log-format", "json"], env=environment, cwd=tempfile.gettempdir(), text=True,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            rest, grpc = addresses(process, bool(protos))
            lines = [unary(rest), events(rest), by_name(rest), described(rest)]
            return [*lines, procedures(grpc, protos, tools)] if protos else lines
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
    same(faults, [{"pointer": "", "detail": "must have the member \"invoice\""}], what)


def unary(rest):
    url = f"{rest}/summarize-invoice"
    answers = [post(url, INVOICE) for _ in range(2)]
    for status, _, body in answers:
        same(status, 200, "POST /summarize-invoice")
        same(set(json.loads(body)), {"sender", "total", "points"}, "its members")
    same(answers[0][2], answers[1][2], "a cached answer")
    same([it[1]["x-cache"] for it in answers], ["miss", "hit"], "x-cache")
    refused(url, "/summarize-invoice")
    return "REST: an object, then the same from the cache; 422 without the required member"


def events(rest):
    url = f"{rest}/explain-invoice/stream"
    status, headers, body = post(url, INVOICE, "text/event-stream")
    same((status, headers["content-type"].split(";")[0]), (200, "text/event-stream"), "the stream")
    *chunks, last = frames(body)
    text = "".join(it["chunk"] for it in chunks)
    same(last, {"done": True, "explanation": text}, "the last frame")
    assert len(chunks) > 1, "one chunk is no stream"
    refused(url, "/explain-invoice/stream")
    return f"SSE: {len(chunks)} chunks and the whole; 422 without the required member"


def by_name(rest):
    for flow, member in [("summarize_invoice", "sender"), ("explain_invoice", "explanation")]:
        url = f"{rest}/flows/{flow}"
        status, _, body = post(url, {"data": INVOICE})
        same(status, 200, url)
        result = json.loads(body)["result"]
        assert member in result, f"{url}: {body}"
        *chunks, last = frames(post(url, {"data": INVOICE}, "text/event-stream")[2])
        same(last, {"result": result}, f"{url}, streamed")
        if flow == "explain_invoice":
            same("".join(it["message"] for it in chunks), result[member], f"{url}, streamed")
        same(post(url, {"data": {}})[0], 400, f"{url} without its required member")
    return "/flows/…: both flows, unary and as a stream; 400 without the required member"


def described(rest):
    with urllib.request.urlopen(f"{rest}/openapi.json", timeout=30) as response:
        document = json.load(response)
    for path in ["/summarize-invoice", "/explain-invoice/stream", "/flows/summarize_invoice", "/flows/explain_invoice"]:
        assert "post" in document["paths"].get(path, {}), f"{path} is not in OpenAPI"
    for name in ["SummarizeInvoiceInput", "ExplainInvoiceInput"]:
        same(document["components"]["schemas"][name]["required"], ["invoice"], f"{name}'s required members")
    return "OpenAPI: four operations, the required members"


def procedures(address, protos, tools):
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

    whole = call("SummarizeInvoice", INVOICE)
    assert whole.returncode == 0 and '"sender"' in whole.stdout, whole
    pieces = call("ExplainInvoice", INVOICE)
    assert pieces.returncode == 0 and pieces.stdout.count('"text"') > 1, pieces
    for procedure in ["SummarizeInvoice", "ExplainInvoice"]:
        without = call(procedure, {})
        assert "InvalidArgument" in without.stderr and "invoice" in without.stderr, without
    return "gRPC: both procedures; INVALID_ARGUMENT without the required member"
