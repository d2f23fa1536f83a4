"""A service of embeddings on this machine: a real HTTP server that answers as it is told to."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
from fakes import HashingEncoder, themed_corpus

KEY = "sk-hidden-4711"


TEXTS = themed_corpus(12)[0]


def want(texts):
    return HashingEncoder(4).encode(list(texts))


def items(asked):
    return [{"index": row, "embedding": v.tolist()} for row, v in enumerate(want(asked["input"]))]


def fine(asked):
    return 200, {}, json.dumps({"data": items(asked)})


def says(status, body="", **headers):
    return lambda asked: (status, {k.replace("_", "-"): v for k, v in headers.items()}, body)


def data(change):
    """A reply that is fine but for its list of vectors."""
    return lambda asked: (200, {}, json.dumps({"data": change(items(asked))}))


class Service:
    """Answers as `behave` says (parsed body -> status, headers, body; None hangs up), at first as `first` does."""

    def __init__(self):
        self.behave, self.first = fine, []
        self.asked, self.headers, self.paths = [], [], []
        self._lock = threading.Lock()
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with service._lock:
                    service.asked.append(asked)
                    service.headers.append(dict(self.headers))
                    service.paths.append(self.path)
                    behave = service.first.pop(0) if service.first else service.behave
                answer = behave(asked)
                if answer is None:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                status, headers, body = answer
                headers = {"Content-Length": str(len(body.encode())), **headers}
                try:
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body.encode())
                except (BrokenPipeError, ConnectionResetError):  # who asked has not waited for it
                    self.close_connection = True

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def assert_right(encoder, texts=TEXTS):
    got = encoder.encode(list(texts))
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, want(texts))
