"""Tells a story over gRPC, chunk by chunk.

    pip install grpcio grpcio-tools
    python -m grpc_tools.protoc -I proto --python_out=. --grpc_python_out=. proto/genkit_sample.proto
    python examples/grpc_client.py            # while `cargo run` serves
"""

import sys

import grpc

sys.path.insert(0, ".")  # where the command above wrote the generated modules
import genkit_sample_pb2 as pb
import genkit_sample_pb2_grpc as rpc

with grpc.insecure_channel(sys.argv[1] if len(sys.argv) > 1 else "localhost:50051") as channel:
    genkit = rpc.GenkitServiceStub(channel)
    for chunk in genkit.TellStory(pb.StoryRequest(topic="a robot learning to paint"), timeout=60):
        print(chunk.text, end="", flush=True)
    print()
