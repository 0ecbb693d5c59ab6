#!/usr/bin/env python3
"""A Gemini that answers at once and always the same: a joke, or the same in 50 chunks. Prints its address first.

For measurements: it costs the measured server the same work each time. It reads requests, but does not judge them.
"""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CHUNKS = 50
TEXT = "Why did the crab cross the road? "


def event(text, finish=None):
    candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    usage = {"promptTokenCount": 9, "candidatesTokenCount": 12, "totalTokenCount": 21}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "fake"}


WHOLE = json.dumps(event(TEXT, "STOP")).encode()
EVENTS = [event(TEXT, "STOP" if nth + 1 == CHUNKS else None) for nth in range(CHUNKS)]
PIECES = [f"data: {json.dumps(it)}\r\n\r\n".encode() for it in EVENTS]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        if ":streamGenerateContent" in self.path:
            self.send_header("content-type", "text/event-stream")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            # One write for each event: the server reads them one by one.
            for piece in PIECES:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(WHOLE)))
            self.end_headers()
            self.wfile.write(WHOLE)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
