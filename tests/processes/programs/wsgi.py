"""A WSGI service whose policy and listener exist before the workers are forked.

gunicorn --preload --workers 3 --worker-class gthread --threads 8 --chdir tests/processes/programs wsgi:app
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

import seawall
from common import call, shown

heard: list[dict[str, Any]] = []
seawall.listen(heard.append, kinds=["opened"])


def app(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """GET /call calls the upstream once; GET /state calls nobody."""
    answer = call() if environ["PATH_INFO"] == "/call" else ""
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(shown(answer, len(heard))).encode()]
