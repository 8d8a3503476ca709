#!/usr/bin/env python3
"""Callbacks over a killed server, each checked by the official library of Standard Webhooks, which shares no code with ours.

usage: callbacks.py BINARY     (needs the package `standardwebhooks`)
"""

import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid

from standardwebhooks import Webhook, WebhookVerificationError

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "faults"))
from receiver import Held, Receiver, secrets  # noqa: E402
from till import Failed, Server, must, sale  # noqa: E402

DONE, FAILED = ["pending", "processing", "done"], ["pending", "processing", "failed"]
DELIVERED_S = 30
checks = 0


def post(box, path, body, url, operation=None):
    """One operation with a callback; gives its id, the status and the answer."""
    operation = operation or str(uuid.uuid4())
    link = http.client.HTTPConnection("127.0.0.1", box.server.port, timeout=30)
    try:
        return (operation, *box.post(link, path, operation, body, x_operation_callback_state=url))
    finally:
        link.close()


def valid(secret, message):
    """What the library says."""
    global checks
    checks += 1
    try:
        Webhook(secret).verify(message.body, message.headers)
        return True
    except WebhookVerificationError:
        return False


def delivered(receiver, operation, states, valid_under):
    """Each state has arrived exactly once, in order, under every one of these secrets."""
    receiver.wait(lambda _: len(receiver.of(operation)) >= len(states), DELIVERED_S,
                  lambda: f"of {operation} came {[message.id for message in receiver.of(operation)]}")
    messages = receiver.of(operation)
    told = [(json.loads(message.body)["Sequence"], json.loads(message.body)["State"]) for message in messages]
    must(told == list(enumerate(states, 1)), f"operation {operation} was told of as {told}")
    must([message.id for message in messages] == [f"{operation}_{number}" for number, _ in told], "other ids than expected")
    for message in messages:
        for secret in valid_under:
            must(valid(secret, message), f"the library refuses {message.id}")
        changed = json.dumps({**json.loads(message.body), "State": "unknown"}).encode()
        message_kept, message.body = message.body, changed
        must(not valid(valid_under[0], message), f"the library accepts {message.id} with a changed body")
        message.body = message_kept
    return messages


def wait_done(box, operation):
    status, answer = box.server.get(f"/v2/BlockSignRequest/{operation}/WhileProcessing?timeout=20000", box.headers(operation))
    must(status == 200 and json.loads(answer)["State"] == "done", f"operation {operation}: {status} {answer[:300]}")


def over_a_kill(server, box, secret):
    """Accepted and done, not delivered; killed; started again: the messages arrive, each once."""
    held = Held()
    accepted, status, answer = post(box, "/v2/SignRequest", sale("K-1", 1250), held.url())
    must(status == 202, f"an asynchronous sign gets {status}: {answer[:300]}")
    wait_done(box, accepted)
    at_once, status, answer = post(box, "/v2/sign", sale("K-2", 990), held.url())
    must(status == 201, f"a sign gets {status}: {answer[:300]}")
    refused, status, answer = post(box, "/v2/sign", b'{"cbReceiptReference": 1', held.url())
    must(status == 400, f"a sign without a receipt gets {status}: {answer[:300]}")
    server.kill()
    held.close()
    receiver = Receiver(port=held.port)
    server.start()
    for operation, states in ((accepted, DONE), (at_once, DONE), (refused, FAILED)):
        delivered(receiver, operation, states, [secret])
    # What was acknowledged is not sent again after another start.
    must(server.stop() == 0, "the orderly stop failed")
    server.start()
    later, status, _ = post(box, "/v2/SignRequest", sale("K-3", 100), receiver.url())
    must(status == 202, f"an asynchronous sign gets {status}")
    delivered(receiver, later, DONE, [secret])
    must(len(receiver.messages) == 12, f"{len(receiver.messages)} requests for 12 messages")
    print("  accepted, done and failed operations over a kill: 12 messages, each once and in order")
    return receiver


def rotated(server, box, receiver, old):
    """Between two rotations messages are valid under the new and the old secret; a revoked one is worth nothing."""
    server.run("callback", "secret", "rotate", box.id)
    new, kept = secrets(server, box)
    must(kept == old and new != old, "a rotation does not keep the newest old secret")
    operation, status, _ = post(box, "/v2/sign", sale("R-1", 500), receiver.url())
    must(status == 201, f"after a rotation a sign gets {status}")
    delivered(receiver, operation, DONE, [new, old])
    server.run("callback", "secret", "rotate", box.id, "--revoke")
    newest, = secrets(server, box)
    operation, status, _ = post(box, "/v2/sign", sale("R-2", 500), receiver.url())
    must(status == 201, f"after a revocation a sign gets {status}")
    for message in delivered(receiver, operation, DONE, [newest]):
        must(not valid(new, message) and not valid(old, message), "a revoked secret is still used")
    print("  rotation: the new and the old secret are valid, a revoked one is not")
    return newest


class Listen:
    """`kassette listen --forward-to`: a developer behind a NAT."""

    def __init__(self, box, secret, url, log):
        self.log = log
        environment = {**os.environ, "KASSETTE_ACCESS_TOKEN": box.token, "KASSETTE_CALLBACK_SECRET": secret}
        with open(log, "wb") as said:
            self.process = subprocess.Popen(
                [box.server.binary, "listen", "--url", f"http://127.0.0.1:{box.server.port}/v2", "--cashbox", box.id,
                 "--forward-to", url], env=environment, stdout=said, stderr=said)

    def said(self):
        with open(self.log, encoding="utf-8") as text:
            return text.read()

    def wait_for(self, text, deadline_s=30):
        end = time.monotonic() + deadline_s
        while text not in self.said():
            must(self.process.poll() is None, f"listen ended with {self.process.returncode}: {self.said()}")
            must(time.monotonic() < end, f"listen does not say `{text}`: {self.said()}")
            time.sleep(0.02)

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=10)


def behind_a_nat(server, box, secret, folder):
    """The server is killed and started again while `listen` runs: nothing is missing, and what comes is the callback itself."""
    direct, forwarded = Receiver(), Receiver()
    listen = Listen(box, secret, forwarded.url(), os.path.join(folder, "listen"))
    try:
        listen.wait_for("listening to cash box")
        operations = []
        for turn in range(3):
            for path, wanted in (("/v2/sign", 201), ("/v2/SignRequest", 202), ("/v2/sign", 201)):
                operation, status, answer = post(box, path, sale(f"L-{turn}", 100), direct.url())
                must(status == wanted, f"{path} gets {status}: {answer[:300]}")
                if wanted == 202:
                    wait_done(box, operation)
                operations.append(operation)
            refused, status, answer = post(box, "/v2/sign", b"{", direct.url())
            must(status == 400, f"a sign without a receipt gets {status}: {answer[:300]}")
            operations.append(refused)
            # At the first kill some of it may still be on its way; at the second everything has come, and nothing may come again.
            if turn == 1:
                delivered(forwarded, refused, FAILED, [secret])
            if turn < 2:
                server.kill()
                server.start()
        for number, operation in enumerate(operations):
            states = FAILED if number % 4 == 3 else DONE
            told = delivered(forwarded, operation, states, [secret])
            # A callback that was under way when the server was killed may have come twice.
            direct.wait(lambda _: {message.id for message in direct.of(operation)} == {message.id for message in told}, DELIVERED_S,
                        lambda: f"of {operation} came {[message.id for message in direct.of(operation)]} as callbacks")
            bodies = {message.id: message.body for message in direct.of(operation)}
            must({message.id: message.body for message in told} == bodies, f"{operation}: listen and callback differ")
        order = [message.id for message in forwarded.messages]
        must(order == [f"{operation}_{number}" for operation in operations for number in (1, 2, 3)], f"forwarded as {order}")
        must(secret not in listen.said() and box.token not in listen.said(), "listen shows a secret")
        must(listen.stop() == 0, "listen does not end well")
    finally:
        if listen.process.poll() is None:
            listen.process.kill()
            listen.process.wait()
    print(f"  listen: {len(order)} messages over two kills of the server, each once, in order, and the same as the callbacks")


def refused_urls(box):
    """A URL that cannot be called: 400, and the operation never was."""
    bad = ["/state", "ftp://127.0.0.1/state", "http://", "http://10.0.0.1/state", "http://169.254.169.254/latest",
           "http://user:word@127.0.0.1/state", "http://[::ffff:10.0.0.1]/state", "http://0x0a000001/state"]
    for url in bad:
        for path in ("/v2/sign", "/v2/SignRequest"):
            operation, status, answer = post(box, path, sale("U-1", 100), url)
            must(status == 400 and json.loads(answer)["code"] == "callback-url-invalid", f"{url}: {status} {answer[:300]}")
            status, answer = box.server.get(f"/v2/journal/OperationItem/{operation}", box.headers(operation))
            must(status == 404, f"{url} was refused, its operation item gets {status}: {answer[:300]}")
    print(f"  {len(bad)} URLs that cannot be called: refused, no operation")


def main():
    with tempfile.TemporaryDirectory(prefix="kassette-callbacks-") as folder:
        log = os.path.join(folder, "log")
        server = Server(sys.argv[1], os.path.join(folder, "data"), log)
        try:
            box = server.create("CALLED")
            secret, = secrets(server, box)
            server.start()
            receiver = over_a_kill(server, box, secret)
            newest = rotated(server, box, receiver, secret)
            behind_a_nat(server, box, newest, folder)
            refused_urls(box)
            must(server.stop() == 0, "the orderly stop failed")
            server.run("verify", server.folder)
        except Failed as failure:
            with open(log, "rb") as text:
                sys.stderr.buffer.write(text.read()[-8000:])
            print(f"callbacks: FAILED: {failure}")
            return 1
        finally:
            if server.process and server.process.poll() is None:
                server.kill()
    print(f"callbacks: {checks} checks by the official library of Standard Webhooks")
    return 0


if __name__ == "__main__":
    sys.exit(main())
