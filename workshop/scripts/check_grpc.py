"""Calls every method with a client that grpcio-tools generated, and checks the answers against the contract (docs/contract.md, "gRPC").

    check_grpc.py ADDRESS MODULES      # a server on the demo model, the folder of the generated modules
"""

import json
import sys
import time

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

address, modules = sys.argv[1:]
sys.path.insert(0, modules)
import genkit_sample_pb2 as pb
import genkit_sample_pb2_grpc as rpc


def faults(error):
    """The fields that google.rpc.BadRequest complains about."""
    fields = []
    for detail in rpc_status.from_call(error).details:
        if detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            request = error_details_pb2.BadRequest()
            detail.Unpack(request)
            fields += [it.field for it in request.field_violations]
    return sorted(fields)


def chunks(stream):
    """The text of a stream; its chunks must come one after the other, not together at the end."""
    began, texts, times = time.monotonic(), [], []
    for chunk in stream:
        texts.append(chunk.text)
        times.append(round(time.monotonic() - began, 3))
    assert len(texts) > 2 and times[-1] - times[0] > 0.05, (texts, times)
    print(f"      {len(texts)} chunks at {times} s")
    return "".join(texts)


with grpc.insecure_channel(address) as channel:
    genkit = rpc.GenkitServiceStub(channel)
    options = {"timeout": 60}
    assert genkit.Health(pb.HealthRequest(), **options).status == "ok"
    joke, call = genkit.TellJoke.with_call(
        pb.JokeRequest(), metadata=[("authorization", "Alice"), ("x-request-id", "from-python")], **options
    )
    assert joke.joke and joke.username == "Alice", joke
    assert ("x-request-id", "from-python") in [tuple(it) for it in call.initial_metadata()]
    assert genkit.TranslateText(pb.TranslateRequest(target_language="Japanese"), **options).confidence
    assert genkit.DescribeImage(pb.ImageRequest(), **options).description
    assert 0 <= genkit.GenerateCharacter(pb.CharacterRequest(), **options).skills.strength <= 100
    assert genkit.PirateChat(pb.ChatRequest(), compression=grpc.Compression.Gzip, **options).persona
    assert genkit.GenerateCode(pb.CodeRequest(), **options).filename
    *known, last = genkit.GenerateCodeStream(pb.CodeRequest(), **options)
    assert last.done.filename and not last.partial, last
    assert known and all(json.loads(it.partial) and not it.HasField("done") for it in known), known
    assert '"score"' in genkit.ReviewCode(pb.CodeReviewRequest(), **options).review
    assert chunks(genkit.TellStory(pb.StoryRequest(topic="a fox"), **options))
    assert chunks(genkit.TellJokeStream(pb.JokeRequest(name="Fox"), **options))

    try:
        genkit.GenerateCode(pb.CodeRequest(description="x" * 10001, language="no spaces"), **options)
        raise AssertionError("faults pass")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error
        assert faults(error) == ["description", "language"], faults(error)
    try:
        genkit.TellStory(pb.StoryRequest(), timeout=0.3).__iter__().__next__()
        for _ in genkit.TellStory(pb.StoryRequest(), timeout=0.3):
            pass
        raise AssertionError("the deadline passes unnoticed")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error
print("  ok  all ten methods, BadRequest details, chunks in time, deadline")
