#!/usr/bin/env python3
"""A small Kubernetes API server for tests: lists and watches EndpointSlices of one namespace.

Speaks HTTPS on --port as the real one does, as far as discovery needs it: bearer tokens, label
selectors, pages, resource versions, watches that resume, bookmarks, 410 Gone. Tests steer it over plain
HTTP on --control-port:

  PUT  /slices    {"items": [...]}: the slices that exist from now on
  POST /forget    the history is gone: a watch from any earlier version is told 410
  POST /expire    the same, and open watches are told so at once
  POST /bookmark  a newer version without a change, told to open watches
  POST /cut       open watches are reset
  POST /token     the body is the only token that counts from now on
  POST /page      the body is the most items of a page
  GET  /stats     {"connections": .., "lists": .., "watches": .., "refused": .., "watched_from": [..]}
"""

import argparse
import http.server
import json
import re
import socket
import socketserver
import ssl
import struct
import threading
import time
import urllib.parse

PATH = re.compile(r"^/apis/discovery\.k8s\.io/v1/namespaces/([a-z0-9-]+)/endpointslices$")


class Store:
    def __init__(self, first_version, token):
        self.changed = threading.Condition()
        self.version = first_version
        self.oldest = first_version  # watches from before are gone
        self.slices = {}
        self.history = []  # (version, type, slice)
        self.expirations = 0
        self.cuts = 0
        self.token = token
        self.page = 500
        self.stats = {"connections": 0, "lists": 0, "watches": 0, "refused": 0, "watched_from": []}

    def record(self, kind, item):
        self.version += 1
        item = json.loads(json.dumps(item))
        item.setdefault("metadata", {})["resourceVersion"] = str(self.version)
        self.history.append((self.version, kind, item))
        return item

    def replace(self, items):
        with self.changed:
            wanted = {item["metadata"]["name"]: item for item in items}
            for name in [n for n in self.slices if n not in wanted]:
                self.record("DELETED", self.slices.pop(name))
            for name, item in wanted.items():
                known = self.slices.get(name)
                if known is not None:
                    known = json.loads(json.dumps(known))
                    known["metadata"].pop("resourceVersion")
                if known != item:
                    self.slices[name] = self.record("ADDED" if known is None else "MODIFIED", item)
            self.changed.notify_all()

    def forget(self, tell):
        with self.changed:
            self.version += 1
            self.oldest = self.version
            self.history = []
            self.expirations += tell
            self.changed.notify_all()

    def bookmark(self):
        with self.changed:
            self.record("BOOKMARK", {"kind": "EndpointSlice", "metadata": {}})
            self.changed.notify_all()

    def cut(self):
        with self.changed:
            self.cuts += 1
            self.changed.notify_all()


def selected(item, selector):
    if not selector:
        return True
    name, value = selector.split("=", 1)
    return item["metadata"].get("labels", {}).get(name) == value


class Api(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store = None
    namespace = None

    def setup(self):
        super().setup()
        with self.store.changed:
            self.store.stats["connections"] += 1

    def log_message(self, *_):
        pass

    def answer(self, code, body):
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def refuse(self, code, message):
        self.store.stats["refused"] += 1
        self.answer(code, status(code, message))

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        match = PATH.match(url.path)
        if self.headers.get("Authorization") != f"Bearer {self.store.token}":
            return self.refuse(401, "Unauthorized")
        if match is None:
            return self.refuse(404, "the server could not find the requested resource")
        if match.group(1) != self.namespace:
            return self.refuse(403, "endpointslices.discovery.k8s.io is forbidden")
        if query.get("watch") == "1":
            return self.watch(query)
        return self.list(query)

    def list(self, query):
        store = self.store
        with store.changed:
            store.stats["lists"] += 1
            items = [s for _, s in sorted(store.slices.items())
                     if selected(s, query.get("labelSelector"))]
            first = int(query.get("continue", "0/").split("/")[0])
            size = min(store.page, int(query.get("limit", "500")))
            metadata = {"resourceVersion": str(store.version)}
            if first + size < len(items):
                metadata["continue"] = f"{first + size}/+="
            page = items[first:first + size]
        self.answer(200, {"kind": "EndpointSliceList", "metadata": metadata, "items": page})

    def watch(self, query):
        store = self.store
        version = int(query["resourceVersion"] or store.version)
        selector = query.get("labelSelector")
        end = time.monotonic() + int(query.get("timeoutSeconds", "60"))
        with store.changed:
            store.stats["watches"] += 1
            store.stats["watched_from"].append(version)
            expirations, cuts = store.expirations, store.cuts
            gone = version < store.oldest
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        while not gone:
            with store.changed:
                events = [e for e in store.history if e[0] > version]
                if not events and store.cuts == cuts and store.expirations == expirations:
                    left = end - time.monotonic()
                    if left <= 0:
                        break
                    store.changed.wait(left)
                    continue
                version = store.version
                gone = store.expirations != expirations
                reset = store.cuts != cuts
            if reset:
                self.close_connection = True
                raw = self.connection
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            for _, kind, item in events:
                if kind == "BOOKMARK" or selected(item, selector):
                    self.event(kind, item)
        if gone:
            self.event("ERROR", status(410, f"too old resource version: {version}"))
        self.chunk(b"")

    def event(self, kind, item):
        data = json.dumps({"type": kind, "object": item}).encode() + b"\n"
        half = len(data) // 2  # nothing says that an event comes in one piece
        self.chunk(data[:half])
        self.chunk(data[half:])

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()


def status(code, message):
    return {"kind": "Status", "status": "Failure", "code": code, "message": message}


class Control(http.server.BaseHTTPRequestHandler):
    store = None

    def log_message(self, *_):
        pass

    def do_PUT(self):
        self.store.replace(json.loads(self.body())["items"])
        self.done({})

    def do_POST(self):
        body, store = self.body(), self.store
        actions = {"/forget": lambda: store.forget(0), "/expire": lambda: store.forget(1),
                   "/bookmark": store.bookmark, "/cut": store.cut,
                   "/token": lambda: setattr(store, "token", body.decode()),
                   "/page": lambda: setattr(store, "page", int(body))}
        actions[self.path]()
        self.done({})

    def do_GET(self):
        with self.store.changed:
            stats = dict(self.store.stats, version=self.store.version)
        self.done(stats)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def done(self, answer):
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    context = None

    def finish_request(self, request, client_address):  # on the thread of the connection
        try:
            if self.context is not None:
                request = self.context.wrap_socket(request, server_side=True)
            super().finish_request(request, client_address)
        except (OSError, ssl.SSLError):
            pass  # a client that went away, or does not trust us
        finally:
            request.close()


def main():
    parser = argparse.ArgumentParser()
    for name in ("port", "control-port", "first-version"):
        parser.add_argument("--" + name, type=int, required=True)
    for name in ("certificate", "key", "token", "namespace"):
        parser.add_argument("--" + name, required=True)
    options = parser.parse_args()
    store = Store(options.first_version, options.token)
    Api.store = Control.store = store
    Api.namespace = options.namespace
    api = Server(("127.0.0.1", options.port), Api)
    api.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    api.context.load_cert_chain(options.certificate, options.key)
    control = Server(("127.0.0.1", options.control_port), Control)
    threading.Thread(target=api.serve_forever, daemon=True).start()
    control.serve_forever()


if __name__ == "__main__":
    main()
