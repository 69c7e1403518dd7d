"""An ASGI service; each worker of uvicorn makes its own policy.

uvicorn --workers 3 --app-dir tests/processes/programs asgi:app
"""

import json
import os
from typing import Any

import httpx
import seawall
from common import policy, shown

client = httpx.AsyncClient(base_url=os.environ["UPSTREAM"], headers={"X-Sender": str(os.getpid())}, timeout=60)
heard: list[dict[str, Any]] = []
seawall.listen(heard.append, kinds=["opened"])


@policy
async def work() -> None:
    (await client.get("/work")).raise_for_status()


async def call() -> str:
    try:
        await work()
    except seawall.SeawallError as error:
        return error.code
    except httpx.HTTPError:
        return "failed"
    return "ok"


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """GET /call calls the upstream once; GET /state calls nobody."""
    if scope["type"] != "http":
        return
    answer = await call() if scope["path"] == "/call" else ""
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(shown(answer, len(heard))).encode()})
