"""A receiver of callbacks for the fault scripts, and what must hold of what it got. Standard library only; loopback only."""

import base64
import hashlib
import hmac
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from till import must

# An answer that never comes: the connection is closed instead.
HANG_UP = None


class Message:
    """One request that has arrived whole."""

    def __init__(self, path, headers, body):
        self.path, self.headers, self.body, self.at = path, headers, body, time.monotonic()
        self.id = headers.get("webhook-id")
        self.operation = headers.get("x-operation-id")
        self.state = headers.get("x-operation-state")
        self.cash_box = headers.get("x-cashbox-id")

    @property
    def sequence(self):
        return json.loads(self.body)["Sequence"]


def acknowledge(_message):
    return 204, {}


class Receiver:
    """Notes every message in the order of arrival and answers as `answer` says: a status with headers, or HANG_UP."""

    def __init__(self, answer=acknowledge, port=0):
        self.answer, self.messages, self.news = answer, [], threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 60

            def do_POST(self):
                receiver.take(self)

            def do_GET(self):
                receiver.take(self)

            def log_message(self, *_words):
                pass

        class Listener(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 512

            def handle_error(self, *_words):
                """A caller that was killed leaves broken connections behind."""

        self.server = Listener(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def url(self, path="/state"):
        return f"http://127.0.0.1:{self.port}{path}"

    def take(self, request):
        length = int(request.headers.get("content-length", "0"))
        body = request.rfile.read(length)
        request.close_connection = True
        if len(body) < length:
            return
        message = Message(request.path, {name.lower(): value for name, value in request.headers.items()}, body)
        with self.news:
            self.messages.append(message)
            self.news.notify_all()
        answer = self.answer(message)
        if answer is not HANG_UP:
            status, headers = answer
            request.send_response(status)
            for name, value in headers.items():
                request.send_header(name, value)
            request.send_header("content-length", "0")
            request.end_headers()

    def wait(self, enough, deadline_s, text):
        """Waits until `enough` says yes of the list of messages; gives a copy of the list."""
        end = time.monotonic() + deadline_s
        with self.news:
            while not enough(self.messages):
                left = end - time.monotonic()
                must(left > 0, f"after {deadline_s} s: {text() if callable(text) else text}")
                self.news.wait(left)
            return list(self.messages)

    def of(self, operation):
        with self.news:
            return [message for message in self.messages if message.operation == operation]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Held:
    """A receiver that takes connections and never reads from them, until it goes away."""

    def __init__(self, port=0):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", port))
        self.socket.listen(128)
        self.port = self.socket.getsockname()[1]

    def url(self, path="/state"):
        return f"http://127.0.0.1:{self.port}{path}"

    def close(self):
        self.socket.close()


def secrets(server, box):
    """The callback secrets of a cash box, newest first."""
    shown = server.run("--json", "callback", "secret", "show", box.id).stdout
    return [entry["secret"] for entry in json.loads(shown)["secrets"]]


def signed(secret, message):
    """Whether the message is signed under the secret, after Standard Webhooks 1.0."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    text = f"{message.id}.{message.headers['webhook-timestamp']}.".encode() + message.body
    wanted = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    return f"v1,{wanted}" in message.headers["webhook-signature"].split(" ")


def check_message(message, secret, token=None):
    """What holds of every single message."""
    state = json.loads(message.body)
    must(signed(secret, message), f"{message.id}: the signature is wrong")
    must(state["OperationID"] == message.operation, f"{message.id} tells of {state['OperationID']}")
    must(state["State"] == message.state, f"{message.id}: header {message.state}, body {state['State']}")
    must(message.id == f"{message.operation}_{state['Sequence']}", f"{message.id} has Sequence {state['Sequence']}")
    must(message.headers["content-type"] == "application/json", f"{message.id}: {message.headers['content-type']}")
    whole = json.dumps(message.headers).encode() + message.body
    must(token is None or token.encode() not in whole, f"{message.id} shows the access token")


def check_arrivals(messages, boxes, secret_of):
    """First arrivals are in order for each operation, what comes again is the same, every signature is right. Gives the states of each
    operation in order and the number of messages that came again."""
    tokens = {box.id: box.token for box in boxes}
    states, bodies, again = {}, {}, 0
    for message in messages:
        check_message(message, secret_of[message.cash_box], tokens[message.cash_box])
        key = (message.cash_box, message.id)
        if key in bodies:
            again += 1
            must(bodies[key] == message.body, f"{message.id} came again with another body")
            continue
        bodies[key] = message.body
        before = states.setdefault((message.cash_box, message.operation), [])
        before.append(message.state)
        must(message.sequence == len(before), f"{message.id} came as number {len(before)} of its operation")
    return states, again
