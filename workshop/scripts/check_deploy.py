#!/usr/bin/env python3
"""Drives each scripts/deploy_*.sh to its end against stand-ins for the tools of the clouds, and lets each step fail.

    workshop/scripts/check_deploy.py [--all] [--clis] [SCRIPT…]

The stand-ins (gcloud, aws, az, fly, firebase, kubectl, docker) note what they were called with, remember what was
made, and can be told to fail. Of each script: --help; wrong options; a missing tool; nobody logged in; the dry run,
which calls nothing and prints what the real run then calls; a first run and a later one; a failure of each step, which
must be reported with how to undo the steps before, and after which another run must come to its end; no key on a
command line, in a tool's environment or in what is printed. scripts/check_deployment.sh runs each time, over curl,
against a small server here. Without --all, of some variants only every third step fails.

--clis: each command line of the dry runs is given to the real gcloud, aws, az, firebase and kubectl, as far as they are
here, which must take its options; nothing is sent. It takes some minutes.
"""

import argparse
import concurrent.futures
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from http.server import ThreadingHTTPServer
from pathlib import Path

from deploy_stand_ins import KEY, PLAIN_KEY, ROOT, Bench, Server, serve

GOOGLE = ["--project", "my-project"]
# Its script, options, and the tool that it must have.
VARIANTS = {
    "cloudrun": ("cloudrun", GOOGLE, "gcloud"),
    "cloudrun-private": ("cloudrun", [*GOOGLE, "--private", "--image", "eu.example/i/x:1", "--set", "A=b,c"], "gcloud"),
    "appengine": ("appengine", GOOGLE, "gcloud"),
    "firebase": ("firebase", GOOGLE, "firebase"),
    "flyio": ("flyio", ["--set", "TRUSTED_HOSTS=*.fly.dev"], "fly"),
    "aws": ("aws", ["--region", "eu-central-1"], "aws"),
    "aws-apprunner": ("aws", ["--region", "eu-central-1", "--app-runner"], "aws"),
    "azure": ("azure", ["--set", "TRUSTED_HOSTS=api.example.com"], "az"),
    "azure-vault": ("azure", ["--key-vault", "my-vault"], "az"),
    "k8s": ("k8s", ["--image", "eu.example/i/x:1", "--set", "TRUSTED_HOSTS=api.example.com", "--url", "http://k8s.example"], "kubectl"),
    "k8s-forward": ("k8s", ["--image", "eu.example/i/x@sha256:" + "0" * 64], "kubectl"),
}
# Of these no undoing is told: they change nothing that lasts, or nothing where it is so already.
HARMLESS = r"services enable|provider register|add-iam-policy-binding|role assignment|create-cluster|update-traffic|attach-role|put-role|ips allocate|docker (push|build)|wait|rollout"

def same(lines):
    """Command lines without what differs from run to run: temporary folders, times and what is asked for."""
    text = "\n".join(lines)
    text = re.sub(r"\S*/tmp/tmp\.\w+/", "TMP/", text)
    text = re.sub(r"\d{8}[t-]\d{6}", "TIME", text)
    return text.splitlines()


def changing(dry):
    """The command lines of a dry run that change something: without those that ask, and those of our own."""
    lines = []
    for line in dry.splitlines():
        line, _, comment = line.partition(" # ")
        if re.match(r"does it exist|gives|until", comment) or re.match(r"scripts/|kubectl kustomize|kubectl .*port-forward", line):
            continue
        lines += [it for it in line.split(" | ") if not it.startswith("aws ecr get-login-password")]
    return lines


def check(condition, *why):
    if not condition:
        raise AssertionError("\n".join(str(it) for it in why))


def key_of(variant):
    return PLAIN_KEY if variant == "flyio" else KEY


def goes_well(bench, variant, update):
    name, options, _ = VARIANTS[variant]
    script, key = f"deploy_{name}", key_of(variant)
    code, dry, said = bench.run(script, "--dry-run=update" if update else "--dry-run", *options, key=key)
    check(code == 0, "the dry run fails", said)
    check(not bench.cloud.calls, "the dry run calls", bench.cloud.calls)
    bench.cloud.learn(dry)
    code, _, said = bench.run(script, *options, key=key)
    check(code == 0, said)
    expected, called = same(changing(dry)), same(" ".join(shlex.quote(w) for w in it["argv"]) for it in bench.cloud.calls)
    expected = [" ".join(shlex.quote(w) for w in shlex.split(it)) for it in expected]
    check(expected == called, "a dry run and a real one differ", *expected, "---", *called)
    check("Deployed:" in said and "  ok  stream" in said, said)
    handed = [it["stdin"] for it in bench.cloud.calls if key in it["stdin"]]
    written = [it for call in bench.cloud.calls for it in call["files"] if json.dumps(key)[1:-1] in it[0] or key in it[0]]
    check(len(handed) + len(written) == 1, "the key is handed over once", handed, written)
    check(all(mode == 0o600 for _, mode in written), "others can read the file with the key", written)
    return bench.cloud.calls


def each_step_fails(scratch, port, variant, nth):
    name, options, _ = VARIANTS[variant]
    script, key = f"deploy_{name}", key_of(variant)
    bench = Bench(scratch, port)
    bench.cloud.learn(bench.run(script, "--dry-run", *options, key=key)[1])
    # What was deployed is checked in goes_well.
    options = [*options, "--no-check"]
    code, _, said = bench.run(script, *options, key=key, fail_at=nth)
    if nth >= len(bench.cloud.calls) and code == 0:
        return
    done = [it["line"] for it in bench.cloud.calls if not re.search(HARMLESS, it["line"])]
    check(code == 1 and "Failed:" in said, f"step {nth} fails", code, said)
    report = said[said.index("Failed:"):]
    undos = [it for it in report.splitlines() if it.startswith("  ")]
    if name == "firebase" and "Deploy to Cloud Run" not in said.split("Failed:")[-1]:
        undos *= 20  # The script for Cloud Run tells its own, when it fails.
    check(len(undos) >= len(done), f"step {nth} fails, and not all before it has an undoing", *done, "---", report)
    check(done or "Nothing was changed before" in report or undos, report)
    code, _, said = bench.run(script, *options, key=key)
    check(code == 0, f"after step {nth} failed, a second run fails", said)


def refuses(scratch, port, variant):
    name, options, tool = VARIANTS[variant]
    script = f"deploy_{name}"
    bench = Bench(scratch, port)
    code, said, _ = bench.run(script, "--help")
    named = set(re.findall(r"^  (--[a-z-]+)", said, re.M))
    check(code == 0 and {"--dry-run", "--secret"} <= named, said)
    code, _, said = bench.run(script, "--nonsense", "--set", "x", "--set", "API_KEY=x", "--secret", "sk-x", "--name", "_", key=None)
    check(code == 64 and len(re.findall("^Fault: ", said, re.M)) >= 5 and not bench.cloud.calls, code, said)
    code, _, said = bench.run(script, *options, key=None)
    check(code == 64 and "GEMINI_API_KEY is not set" in said and not bench.cloud.calls, code, said)
    bench.cloud.learn(bench.run(script, "--dry-run", *options)[1])
    bench.cloud.logged_in = False
    code, _, said = bench.run(script, *options)
    check(code in (64, 69) and "not logged in" in said and not bench.cloud.calls, code, said)
    (bench.bin / tool).unlink()
    code, _, said = bench.run(script, *options, key=key_of(variant))
    check(code == 69 and "is not installed" in said and not bench.cloud.calls, code, said)
    code, _, said = bench.run(script, "--dry-run", *options)
    check(code == 0 or tool == "kubectl", "a dry run needs the tool", said)


def interrupted(scratch, port):
    """Ctrl-C in the middle tells what was done."""
    bench = Bench(scratch, port)
    bench.cloud.learn(bench.run("deploy_aws", "--dry-run", *VARIANTS["aws"][1])[1])
    bench.tool("docker", "#!/usr/bin/env bash\nkill -INT \"$PPID\"\nsleep 0.2\nexit 130\n")
    code, _, said = bench.run("deploy_aws", *VARIANTS["aws"][1])
    check(code != 0 and "Failed: Build the image" in said and "aws ecr delete-repository" in said, code, said)


def deployment_check(scratch):
    """scripts/check_deployment.sh sees what is wrong with a server."""

    def asked(*options, **members):
        kind = type("Server", (Server,), members)
        server = serve(ThreadingHTTPServer, kind)
        try:
            return Bench(scratch, server.server_address[1]).run("check_deployment", "https://x.example", *options, key=None)
        finally:
            server.shutdown()

    for wanted, code, options, members in [
        ("ok  stream", 0, [], {}),
        ("something between here and the server holds them back", 1, [], {"delay": 0}),
        ("held back, as expected", 0, ["--buffered-streams"], {"delay": 0}),
        ("FAIL  ready   status 503", 1, ["--wait", "0"], {"ready": 503}),
        ("it ends with: data: {\"error\"", 1, [], {"last": b'data: {"error":{"x":1}}\n\n'}),
        ("ok  call    /a in", 0, ["--call", "/a {}"], {}),
        ("ok  grpc", 0, ["--grpc", "https://x.example"], {}),
    ]:
        got, said, _ = asked(*options, **members)
        check(got == code and wanted in said, f"{wanted}, exit code {code}", got, said)


def manifests(scratch, port):
    """What kustomize makes of deploy/k8s, as it stands and as deploy_k8s.sh completes it, against Kubernetes' schemas;
    and the format of the Terraform files."""
    kubectl, validate, terraform = (shutil.which(it) for it in ("kubectl", "kubernetes-validate", "terraform"))
    if kubectl and validate:
        bench = Bench(scratch, port)
        options = VARIANTS["k8s"][1]
        bench.cloud.learn(bench.run("deploy_k8s", "--dry-run", *options)[1])
        stand_in = (bench.bin / "kubectl").read_text().split("\n", 1)[1]
        bench.tool("kubectl", f'#!/usr/bin/env bash\n[[ $1 != kustomize ]] || exec {kubectl} "$@"\n{stand_in}')
        code, _, said = bench.run("deploy_k8s", *options)
        check(code == 0, said)
        texts = [text for call in bench.cloud.calls for text, _ in call["files"] if KEY not in text]
        for folder in ("base", "overlays/production"):
            got = subprocess.run([kubectl, "kustomize", ROOT / "deploy/k8s" / folder], text=True, capture_output=True)
            check(got.returncode == 0, got.stderr)
            texts.append(got.stdout)
        # 1.30 has the first schema with all of it.
        for text, version in itertools.product(texts, ("1.30", None)):
            given = ["-k", version] if version else []
            got = subprocess.run([validate, "--strict", "--quiet", *given, "-"], input=text, text=True, capture_output=True)
            check(got.returncode == 0, got.stdout + got.stderr)
        check(any("httpHeaders" in it and "eu.example/i/x:1" in it for it in texts), "deploy_k8s.sh completes nothing", *texts)
    else:
        print("SKIPPED: kubectl and kubernetes-validate, which check deploy/k8s, are not both here")
    if terraform:
        environment = {it: value for it, value in os.environ.items() if it != "TF_CLI_CONFIG_FILE"}
        got = subprocess.run([terraform, "fmt", "-check", "-recursive", "-diff", ROOT / "deploy/terraform"],
                             env=environment, text=True, capture_output=True)
        check(got.returncode == 0, got.stdout + got.stderr)
    else:
        print("SKIPPED: terraform is not here")


def takes_options(line):
    """Whether the real tool takes the command line; None where it is not here. Nothing is sent."""
    words = shlex.split(line)
    tool = words[0]
    if not shutil.which(tool):
        return None
    with tempfile.TemporaryDirectory() as empty:
        offline = {**os.environ, "AZURE_CONFIG_DIR": empty, "AZURE_CORE_COLLECT_TELEMETRY": "0", "HOME": empty,
                   "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_MAX_ATTEMPTS": "1", "KUBECONFIG": f"{empty}/none",
                   "CLOUDSDK_CORE_DISABLE_PROMPTS": "1", "https_proxy": "http://127.0.0.1:9"}
        # The files of a dry run are gone.
        Path(empty, "key").write_text("x")
        words = [re.sub(r"(file://)?/\S+/GEMINI_API_KEY$", rf"\1{empty}/key", it) for it in words]
        if tool == "gcloud":
            words = ["gcloud", "meta", "lint-gcloud-commands", f"--command-string={shlex.join(words)}"]
        elif tool == "aws":
            # It looks at the parameters before it connects to where nothing listens.
            words += ["--endpoint-url", "http://127.0.0.1:9", "--cli-connect-timeout", "2"]
            words += [] if "--region" in words else ["--region", "eu-central-1"]
        if tool == "gcloud":
            del offline["https_proxy"]
        got = subprocess.run(words, env=offline, text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=180)
    said = got.stdout + got.stderr
    if tool == "gcloud":
        return json.loads(got.stdout)[0]["success"] is True or said[-500:]
    if tool == "aws":
        return "Could not connect to the endpoint" in said or said[-500:]
    if tool == "az":
        return "az login" in said or said[-500:]
    wrong = re.search(r"unknown (option|flag|shorthand|command)|is not a Firebase command|missing required", said)
    return not wrong or said[-500:]


def clis(scratch, port, variants):
    lines = []
    for variant in variants:
        name, options, _ = VARIANTS[variant]
        for kind in ("--dry-run", "--dry-run=update"):
            _, dry, _ = Bench(scratch, port).run(f"deploy_{name}", kind, *options)
            for line in dry.splitlines():
                line = re.sub(r" # .*| &$", "", line)
                if not line.startswith("scripts/"):
                    lines += line.split(" | ") if " login " in line else [line]
    unique = {same([it])[0]: it for it in lines}
    counts, failed = {}, 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for line, result in zip(unique.values(), pool.map(takes_options, unique.values())):
            tool, verdict = line.split()[0], {None: "not here", True: "taken"}.get(result, "REFUSED")
            counts.setdefault(tool, {}).setdefault(verdict, 0)
            counts[tool][verdict] += 1
            if verdict == "REFUSED":
                failed += 1
                print(f"REFUSED  {line}\n  {result}")
    for tool, verdicts in sorted(counts.items()):
        note = "  SKIPPED: this machine has no such tool" if "not here" in verdicts else ""
        print(f"{tool}: {', '.join(f'{n} {v}' for v, n in verdicts.items())}{note}")
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scripts", nargs="*", metavar="SCRIPT", help=", ".join(VARIANTS))
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--clis", action="store_true")
    options = parser.parse_args()
    if wrong := [it for it in options.scripts if it not in VARIANTS]:
        parser.error(f"no such script: {', '.join(wrong)}")
    variants, since, failed, runs = options.scripts or list(VARIANTS), time.time(), 0, 0
    with tempfile.TemporaryDirectory() as scratch:
        port = serve(ThreadingHTTPServer, Server).server_address[1]
        if options.clis:
            sys.exit(bool(clis(scratch, port, variants)))
        jobs = [("manifests", manifests, (scratch, port)), ("check_deployment.sh", deployment_check, (scratch,)), ("interrupted", interrupted, (scratch, port))]
        for variant in variants:
            bench = Bench(scratch, port)
            try:
                steps = len(goes_well(bench, variant, update=False))
                goes_well(bench, variant, update=True)
                print(f"{variant}: {steps} steps, first and later")
            except AssertionError as why:
                failed += 1
                print(f"FAIL  {variant}: {why}")
                continue
            jobs.append((f"{variant}, refused", refuses, (scratch, port, variant)))
            chosen = range(steps) if options.all else range(len(variant) % 3, steps, 3)
            jobs += [(f"{variant}, step {n}", each_step_fails, (scratch, port, variant, n)) for n in chosen]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
            for (title, _, _), future in [(it, pool.submit(it[1], *it[2])) for it in jobs]:
                runs += 1
                try:
                    future.result()
                except AssertionError as why:
                    failed += 1
                    print(f"FAIL  {title}: {why}")
    print(f"{len(variants)} scripts and variants, {runs} cases, {failed} failed, {time.time() - since:.0f} s")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
