"""Stand-ins for the tools of the clouds, and for a deployed server; of check_deploy.py."""

import http.server
import re
import shlex
import shutil
import socketserver
import subprocess
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk-planted\\key\"9f8e7d"  # with what files must escape
PLAIN_KEY = "sk-planted-9f8e7d"
TOOLS = ["gcloud", "aws", "az", "fly", "firebase", "kubectl", "docker"]
SAID_NOT_FOUND = "ERROR: (stand-in) NOT_FOUND: it was not found"

# What asks whether something exists, and what makes it.
PAIRS = [
    (r"gcloud artifacts repositories describe", r"gcloud artifacts repositories create"),
    (r"gcloud iam service-accounts describe", r"gcloud iam service-accounts create"),
    (r"gcloud secrets describe", r"gcloud secrets create"),
    (r"gcloud run services describe \S+ --region=\S+ --project=\S+$", r"gcloud run deploy"),
    (r"gcloud app describe --project=\S+$", r"gcloud app create"),
    (r"gcloud app services describe", r"gcloud app deploy"),
    (r"aws ecr describe-repositories", r"aws ecr create-repository"),
    (r"aws secretsmanager describe-secret(?!.*--query)", r"aws secretsmanager create-secret"),
    (r"aws iam get-role .*-execution", r"aws iam create-role .*-execution "),
    (r"aws iam get-role .*-infrastructure", r"aws iam create-role .*-infrastructure "),
    (r"aws iam get-role .*-access", r"aws iam create-role .*-access "),
    (r"aws iam get-role .*-instance", r"aws iam create-role .*-instance "),
    (r"aws ecs describe-express-gateway-service(?!.*--query)", r"aws ecs create-express-gateway-service"),
    (r"az group show", r"az group create"),
    (r"az acr show .*--resource-group", r"az acr create"),
    (r"az identity show(?!.*--query)", r"az identity create"),
    (r"az containerapp env show(?!.*--query)", r"az containerapp env create"),
    (r"az containerapp show(?!.*--query)", r"az containerapp create"),
    (r"fly status", r"fly apps create"),
    (r"kubectl \S+ get namespace", r"kubectl \S+ create namespace"),
    (r"kubectl \S+ get secret", r"kubectl \S+ apply --server-side"),
    (r"kubectl \S+ get deployment", r"kubectl \S+ apply --filename"),
]
# What asks for a value. Other values are those that the dry run names.
ANSWERS = [
    (r"gcloud auth list", "me@example.com"),
    (r"aws sts get-caller-identity$", "me"),
    (r"az account show", "00000000-0000-0000-0000-000000000000"),
    (r"kubectl version", '{"serverVersion":{"minor":"33+"}}'),
    (r"gcloud config get-value", "my-project"),
    (r"aws configure get", "eu-central-1"),
    (r"aws ecr get-login-password", "a-password-of-ecr"),
    (r"aws apprunner list-services", ("arn:aws:apprunner", "None", r"aws apprunner create-service")),
    (r"aws apprunner describe-service .*Status", "RUNNING"),
    (r"fly auth whoami", "me@example.com"),
    (r"firebase projects:list", ("my-project", "none", r"firebase projects:addfirebase")),
    (r"kubectl kustomize", "apiVersion: v1"),
]

STAND_IN = """#!/usr/bin/env bash
case " $* " in
*' --data-file=- '* | *' import '* | *' --password-stdin '*) IFS= read -r -d '' input ;;
esac
exec 3<>"/dev/tcp/127.0.0.1/$STAND_IN_PORT"
printf '%s\\0' "$#" "$$" "${0##*/}" "$input" "$@" >&3
IFS= read -r code <&3
while IFS= read -r line <&3; do
  if ((code)); then printf '%s\\n' "$line" >&2; else printf '%s\\n' "$line"; fi
done
[[ " $* " != *' port-forward '* ]] || sleep 60
exit "$code"
"""
# Leads every call to the small server.
CURL = """#!/usr/bin/env bash
exec {curl} --connect-to "::127.0.0.1:$CHECK_PORT" "${{@/https:/http:}}"
"""


class Cloud:
    """What the stand-ins know in one run after another: what was made, and which call is to fail."""

    def __init__(self, check_port, logged_in=True):
        self.made, self.calls, self.fail_at, self.check_port, self.logged_in = [], [], None, check_port, logged_in
        self.wrong, self.told = [], {}

    def learn(self, dry):
        """The values that the dry run takes for what it asks."""
        for line in dry.splitlines():
            line, _, told = line.partition(" # gives ")
            if told:
                self.told[" ".join(shlex.split(line))] = told

    def answer(self, tool, pid, stdin, args):
        line = " ".join([tool, *args])
        environment = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
        for secret in (KEY, PLAIN_KEY):
            if secret in line or secret in environment:
                self.wrong.append(f"the key is on the command line or in the environment of: {line}")
        for pattern, made in PAIRS:
            if re.match(pattern, line):
                return (0, "found") if any(re.match(made, it) for it in self.made) else (1, SAID_NOT_FOUND)
        for pattern, text in ANSWERS:
            if re.match(pattern, line):
                if not self.logged_in:
                    return 1, "not logged in"
                if isinstance(text, tuple):
                    there = self.told.get(line, "").replace("None", "") or text[0]
                    text = there if any(re.match(text[2], it) for it in self.made) else text[1]
                return 0, text
        if line in self.told:
            return (0, self.told[line]) if self.logged_in else (1, "not logged in")
        if "port-forward" in args:
            return 0, f"Forwarding from 127.0.0.1:{self.check_port} -> 8080"
        nth = len(self.calls)
        self.calls.append({"line": line, "argv": [tool, *args], "stdin": stdin, "files": self.files(args)})
        if self.fail_at == nth:
            self.calls.pop()
            return 1, "stand-in: this step fails"
        self.made.append(line)
        return 0, "done"

    def files(self, args):
        found = []
        for it in args:
            path = Path(re.sub(r"^(--filename=|file://)", "", it))
            if path.is_absolute() and path.is_file():
                found.append((path.read_text(), path.stat().st_mode & 0o777))
        return found


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        fields, data = [], b""
        while len(fields) < 4 or len(fields) < 4 + int(fields[0]):
            chunk = self.request.recv(65536)
            if not chunk:
                return
            data += chunk
            *done, data = data.split(b"\0")
            fields += [it.decode() for it in done]
        _, pid, tool, stdin, *args = fields
        code, text = self.server.cloud.answer(tool, pid, stdin, args)
        self.wfile.write(f"{code}\n{text}\n".encode())


class Server(http.server.BaseHTTPRequestHandler):
    """What scripts/check_deployment.sh asks for, as the real server answers it."""

    protocol_version = "HTTP/1.1"
    ready, last, delay = 200, b'data: {"done":true,"text":"x"}\n\n', 0.04

    def reply(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.send_header("grpc-status", "0")
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.reply(self.ready if self.path == "/ready" else 200, b'{"status":"ok"}')

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        if not self.path.endswith("/stream"):
            return self.reply(200, b'{"text":"x"}')
        self.send_response(200)
        self.send_header("connection", "close")
        self.end_headers()
        for piece in [b'data: {"chunk":"x"}\n\n'] * 4 + [self.last]:
            self.wfile.write(piece)
            time.sleep(self.delay)
        self.close_connection = True

    def log_message(self, *_):
        pass


def serve(kind, handler):
    server = kind(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class Bench:
    """A copy of what the scripts read, a PATH of stand-ins, and a cloud."""

    def __init__(self, scratch, check_port):
        self.folder = Path(tempfile.mkdtemp(dir=scratch))
        for it in ("scripts", "deploy", "Containerfile"):
            (shutil.copytree if (ROOT / it).is_dir() else shutil.copy)(ROOT / it, self.folder / it)
        self.bin, self.temp = self.folder / "bin", self.folder / "tmp"
        self.bin.mkdir(), self.temp.mkdir()
        for tool in TOOLS:
            self.tool(tool, STAND_IN)
        self.tool("curl", CURL.format(curl=shutil.which("curl")))
        # Nothing else is found: a tool of the clouds that this machine has must not be called.
        for it in "bash sed grep awk mktemp rm cat head tail tr date cp paste chmod sleep git env dirname cut".split():
            (self.bin / it).symlink_to(shutil.which(it))
        self.cloud = Cloud(check_port)
        self.server = serve(socketserver.ThreadingTCPServer, Handler)
        self.server.cloud = self.cloud

    def tool(self, name, text):
        # It may be a link to the machine's own.
        (self.bin / name).unlink(missing_ok=True)
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def run(self, script, *args, key=KEY, fail_at=None, interrupt_after=None):
        self.cloud.calls, self.cloud.fail_at = [], fail_at
        environment = {
            "PATH": str(self.bin), "HOME": str(self.folder), "TMPDIR": str(self.temp), "RETRY_WAIT": "0",
            "STAND_IN_PORT": str(self.server.server_address[1]), "CHECK_PORT": str(self.cloud.check_port),
            "NO_COLOR": "1", **({"GEMINI_API_KEY": key} if key else {}),
        }
        process = subprocess.run([f"scripts/{script}.sh", *args], cwd=self.folder, env=environment, text=True,
                                 stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
        said = process.stdout + process.stderr
        for secret in (KEY, PLAIN_KEY):
            if secret in said:
                self.cloud.wrong.append(f"the key is in what {script} prints")
        if left := [str(it) for it in self.temp.iterdir()] + [str(it) for it in self.folder.glob("deploy/k8s/overlays/run.*")]:
            self.cloud.wrong.append(f"{script} leaves {left}")
        if self.cloud.wrong:
            raise AssertionError("\n".join(self.cloud.wrong) + f"\n{said}")
        return process.returncode, process.stdout, process.stderr
