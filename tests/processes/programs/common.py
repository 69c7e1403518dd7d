"""What the Python programs have in common: one call to the upstream, and how it ended."""

import http.client
import os
import urllib.parse
from typing import Any

import seawall

policy = seawall.policy("upstream")
_upstream = urllib.parse.urlsplit(os.environ["UPSTREAM"])


def work() -> None:
    """Calls the upstream, without Seawall."""
    connection = http.client.HTTPConnection(_upstream.hostname, _upstream.port, timeout=60)
    try:
        connection.request("GET", "/work", headers={"X-Sender": str(os.getpid())})
        answer = connection.getresponse()
        answer.read()
    finally:
        connection.close()
    if answer.status >= 500:
        raise ConnectionError(f"the upstream answered {answer.status}")


protected = policy(work)


def call() -> str:
    """Calls the upstream under the policy, and tells how that went."""
    try:
        protected()
    except seawall.SeawallError as error:
        return error.code
    except ConnectionError:
        return "failed"
    return "ok"


def shown(answer: str, opened: int) -> dict[str, Any]:
    """Who this is, how the call went, and what the policy shows."""
    now = policy.snapshot()
    state, in_use = now["breaker"]["state"], now["bulkhead"]["in_use"]
    return {"pid": os.getpid(), "answer": answer, "opened": opened, "state": state, "in_use": in_use}
