"""Calls every flow through a client that openapi-python-client has generated.

openapi_python_client.py DOCUMENT FOLDER URL: FOLDER holds the package `generated`.
"""

import importlib
import json
import pkgutil
import sys
from typing import get_type_hints

document, folder, url = sys.argv[1:]
sys.path.insert(0, folder)
import generated.api  # noqa: E402
from generated import Client  # noqa: E402

EXAMPLES = {
    operation["operationId"]: operation["requestBody"]["content"]["application/json"]["example"]
    for item in json.load(open(document))["paths"].values()
    for operation in item.values()
    if "requestBody" in operation
}

client = Client(base_url=url, timeout=30)
called = 0
for module in pkgutil.walk_packages(generated.api.__path__, "generated.api."):
    if module.ispkg:
        continue
    name = module.name.rsplit(".", 1)[1]
    operation = importlib.import_module(module.name)
    arguments = {}
    if name in EXAMPLES:
        body = get_type_hints(operation.sync_detailed)["body"]
        arguments["body"] = next(t for t in getattr(body, "__args__", [body]) if hasattr(t, "from_dict")).from_dict(EXAMPLES[name])
    answer = operation.sync_detailed(client=client, **arguments)
    assert answer.status_code == 200, f"{name}: {answer}"
    streams = name.endswith("_stream")
    assert isinstance(answer.parsed, str) == streams, f"{name}: {answer.parsed!r}"
    if streams:
        assert '"done":true' in answer.parsed, f"{name}: {answer.parsed!r}"
    else:
        # What the schema does not have would be left here.
        assert not answer.parsed.additional_properties, f"{name}: {answer.parsed!r}"
    called += 1
assert called == len(EXAMPLES) + 2, f"{called} of {len(EXAMPLES)} flows and two probes were called"
print(f"openapi-python-client: {called} operations")
