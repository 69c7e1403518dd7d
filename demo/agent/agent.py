"""An agent that works for whoever identity says is active: FastAPI in front, httpx to identity."""

import sys

import httpx
import seawall
import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse

port, identity, worker = int(sys.argv[1]), sys.argv[2], sys.argv[3]
client = httpx.AsyncClient(base_url=identity, headers={"X-Worker": worker}, limits=httpx.Limits(max_connections=None))
policy = seawall.policy("identity")
app = FastAPI()


@policy
async def introspect(token: str) -> bool:
    answer = await client.get(f"/introspect/{token}")
    answer.raise_for_status()
    return answer.json()["active"]


@app.get("/who/{token}")
async def who(token: str) -> JSONResponse:
    try:
        return JSONResponse({"active": await introspect(token)})
    except Exception as error:
        return JSONResponse({"error": str(error)}, status_code=503)


@app.get("/state")
async def state() -> dict[str, str]:
    return {"state": policy.state}


uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
