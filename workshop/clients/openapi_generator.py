"""Calls every flow through a client that openapi-generator has generated for Python.

openapi_generator.py DOCUMENT FOLDER URL: FOLDER holds the package `generated`.
"""

import inspect
import json
import re
import sys

document, folder, url = sys.argv[1:]
sys.path.insert(0, folder)
import generated  # noqa: E402
from generated import ApiClient, Configuration  # noqa: E402

called = 0
with ApiClient(Configuration(host=url)) as client:
    for item in json.load(open(document))["paths"].values():
        for operation in item.values():
            api = getattr(generated, operation["tags"][0].capitalize() + "Api")(client)
            name = operation["operationId"]
            method = getattr(api, name)
            arguments = []
            if "requestBody" in operation:
                body = list(inspect.signature(method).parameters.values())[0].annotation
                example = operation["requestBody"]["content"]["application/json"]["example"]
                arguments.append(body.from_dict(example))
            answer = method(*arguments, _request_timeout=30)
            if re.search("_stream$", name):
                assert isinstance(answer, str) and '"done":true' in answer, f"{name}: {answer!r}"
            else:
                assert answer is not None and not isinstance(answer, str), f"{name}: {answer!r}"
            called += 1
print(f"openapi-generator, python: {called} operations")
