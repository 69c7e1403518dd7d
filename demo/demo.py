"""One dependency that fails, one gateway that needs it, with and without Seawall.

Real HTTP on loopback: an identity service with a fault switch, and a gateway that asks it about a
token for each request. The script walks through healthy, down, hanging, throttled and recovered,
twice; it shows what happens, writes a report and fails unless the outage stayed where it began.
"""

from __future__ import annotations

import http.client
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import seawall
from seawall.http import outcome_of_status

SCENES = [("healthy", 3.0), ("down", 4.0), ("hanging", 4.0), ("throttled", 3.0), ("recovered", 5.0)]
OUTAGE = {"down", "hanging", "throttled"}
OPEN_TIME = 2.0
KNOWN = [f"user-{n}" for n in range(500)]
STRANGERS = [f"stranger-{n}" for n in range(50)]
REVOKED = "user-7"
CLIENT_TIMEOUT = 0.25
CALLERS = 8


class Identity(BaseHTTPRequestHandler):
    """Answers whether a token is active, or fails in the way of the scene."""

    scene = "healthy"
    hits: list[tuple[float, str]] = []
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        type(self).hits.append((time.monotonic(), type(self).scene))
        token = self.path.rsplit("/", 1)[-1]
        scene = type(self).scene
        if scene == "hanging":
            time.sleep(CLIENT_TIMEOUT * 2)
        status = {"down": 500, "hanging": 500, "throttled": 429}.get(scene, 200)
        body = b"inactive" if token == REVOKED else b"active"
        try:
            self.send_response(status)
            if status == 429:
                self.send_header("Retry-After", "1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass  # the client has stopped waiting

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        pass  # a client that has stopped waiting is what the scene is about


class IdentityError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(f"identity answered {status}")
        self.status = status


@dataclass
class Run:
    """What one walk through the scenes came to."""

    begun: float = 0.0
    answers: list[tuple[float, str, str, bool]] = field(default_factory=list)
    states: list[tuple[float, str]] = field(default_factory=list)
    scenes: list[tuple[float, str]] = field(default_factory=list)
    revoked_served: int = 0
    hits: list[tuple[float, str]] = field(default_factory=list)


def gateway(port: int):
    def judge(error: BaseException) -> str | None:
        return outcome_of_status(error.status) if isinstance(error, IdentityError) else None

    policy = seawall.policy("identity", classify=judge)

    @policy
    def introspect(token: str) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=CLIENT_TIMEOUT)
        try:
            connection.request("GET", f"/introspect/{token}")
            answer = connection.getresponse()
            if answer.status != 200:
                raise IdentityError(answer.status)
            return answer.read() == b"active"
        finally:
            connection.close()

    return policy, introspect


def caller(run: Run, introspect, stop: threading.Event, number: int) -> None:
    step = 0
    while not stop.is_set():
        step += 1
        scene = Identity.scene
        strange = scene in OUTAGE and step % 10 == 0
        token = STRANGERS[(step * CALLERS + number) % len(STRANGERS)] if strange else KNOWN[(step * CALLERS + number) % len(KNOWN)]
        try:
            active = introspect(token)
            expected = not strange and token != REVOKED if scene in OUTAGE else token != REVOKED
            good = active == expected
            if token == REVOKED and active:
                run.revoked_served += 1
        except Exception:
            good = False
        run.answers.append((time.monotonic() - run.begun, scene, "stranger" if strange else "known", good))
        stop.wait(0.02)


def walk(enabled: bool) -> Run:
    seawall.set_enabled(enabled)
    Identity.scene, Identity.hits = "healthy", []
    server = Server(("127.0.0.1", 0), Identity)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    policy, introspect = gateway(server.server_port)
    run, stop = Run(), threading.Event()
    for token in KNOWN:
        introspect(token)  # every known token was looked up once before the outage
    Identity.hits = []
    run.begun = time.monotonic()
    threads = [threading.Thread(target=caller, args=(run, introspect, stop, n)) for n in range(CALLERS)]
    for thread in threads:
        thread.start()
    print(f"\n{'with' if enabled else 'without'} Seawall")
    for scene, seconds in SCENES:
        Identity.scene = scene
        run.scenes.append((time.monotonic() - run.begun, scene))
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(0.25)
            run.states.append((time.monotonic() - run.begun, policy.state if enabled else "off"))
        answers = [good for at, of, _, good in run.answers if of == scene]
        hits = sum(1 for _, of in Identity.hits if of == scene)
        print(f"  {scene:<10} {sum(answers):>5} of {len(answers):>5} answered rightly   identity saw {hits:>5} requests   circuit {run.states[-1][1]}")
    stop.set()
    for thread in threads:
        thread.join()
    run.hits = [(at - run.begun, scene) for at, scene in Identity.hits]
    server.shutdown()
    server.server_close()
    return run


def share(run: Run, scenes: set[str], who: str | None = None) -> float:
    chosen = [good for _, scene, kind, good in run.answers if scene in scenes and who in (None, kind)]
    return sum(chosen) / max(1, len(chosen))


def verdicts(on: Run, off: Run) -> list[tuple[str, bool]]:
    outage = sum(seconds for scene, seconds in SCENES if scene in OUTAGE)
    hits = sum(1 for _, scene in on.hits if scene in OUTAGE)
    probes = 5 + CALLERS + int(outage / OPEN_TIME) + 1
    recovered = next(at for at, scene in on.scenes if scene == "recovered")
    closed = next((at for at, state in on.states if at > recovered and state == "closed"), float("inf"))
    known, without = share(on, OUTAGE, "known"), share(off, OUTAGE)
    return [
        (f"known identities answered during the outage: {known:.2%} (at least 99 %)", known >= 0.99),
        (f"strangers answered by the declared rule: {share(on, OUTAGE, 'stranger'):.2%}", share(on, OUTAGE, "stranger") >= 0.99),
        (f"a revoked token served as active: {on.revoked_served} times (never)", on.revoked_served == 0),
        (f"identity saw {hits} requests in {outage:.0f} s of outage (at most {probes}: the trip and the probes)", hits <= probes),
        (f"closed again {closed - recovered:.1f} s after recovery (at most {OPEN_TIME + 2:.0f} s)", closed - recovered <= OPEN_TIME + 2),
        (f"without Seawall {without:.2%} of the outage's requests succeeded (under 50 %)", without < 0.5),
    ]


def picture(title: str, runs: list[tuple[str, str, dict[int, float]]], top: float, run: Run) -> str:
    width, height, seconds = 760, 180, int(sum(seconds for _, seconds in SCENES)) + 1
    x = lambda at: 40 + at * (width - 60) / seconds
    y = lambda value: height - 24 - min(value, top) / top * (height - 48)
    parts = [f'<svg viewBox="0 0 {width} {height}" role="img"><title>{title}</title>']
    ends = [at for at, _ in run.scenes[1:]] + [float(seconds)]
    for (at, scene), end in zip(run.scenes, ends):
        shade = "#fbe9e7" if scene in OUTAGE else "#eef6ee"
        parts.append(f'<rect x="{x(at):.0f}" y="16" width="{x(end) - x(at):.0f}" height="{height - 40}" fill="{shade}"/>')
        parts.append(f'<text x="{x(at) + 4:.0f}" y="28" font-size="11" fill="#777">{scene}</text>')
    for name, colour, values in runs:
        points = " ".join(f"{x(at + 0.5):.1f},{y(value):.1f}" for at, value in sorted(values.items()))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{width - 130}" y="{30 + 14 * runs.index((name, colour, values))}" font-size="12" fill="{colour}">{name}</text>')
    parts.append(f'<text x="4" y="{y(top) + 4:.0f}" font-size="11">{top:.0f}</text><text x="4" y="{y(0):.0f}" font-size="11">0</text></svg>')
    return "".join(parts)


def per_second(instants: list[float]) -> dict[int, float]:
    counts: dict[int, float] = {second: 0.0 for second in range(int(sum(s for _, s in SCENES)) + 1)}
    for at in instants:
        counts[int(at)] = counts.get(int(at), 0.0) + 1
    return counts


def success(run: Run) -> dict[int, float]:
    seconds = {int(at) for at, *_ in run.answers}
    at = {second: [good for when, _, _, good in run.answers if int(when) == second] for second in seconds}
    return {second: 100 * sum(goods) / len(goods) for second, goods in at.items()}


def report(on: Run, off: Run, lines: list[tuple[str, bool]], path: Path) -> None:
    load = [("with", "#1565c0", per_second([at for at, _ in on.hits])), ("without", "#c62828", per_second([at for at, _ in off.hits]))]
    rows = "".join(f"<tr><td>{'✓' if good else '✗'}</td><td>{text}</td></tr>" for text, good in lines)
    level = {"closed": 0.0, "half_open": 1.0, "open": 2.0}
    states = {at: level.get(state, 0.0) for at, state in on.states}
    top = max(max(values.values()) for _, _, values in load)
    body = (
        "<h2>Requests that identity saw, per second</h2>" + picture("load on identity", load, top, on)
        + "<h2>Requests of the gateway answered rightly, per cent</h2>"
        + picture("success", [("with", "#1565c0", success(on)), ("without", "#c62828", success(off))], 100, on)
        + "<h2>The circuit: closed, half-open, open</h2>" + picture("circuit", [("state", "#1565c0", states)], 2, on)
        + f"<h2>What had to hold</h2><table>{rows}</table>"
    )
    style = "body{font:15px system-ui;max-width:800px;margin:2rem auto;color:#222}h2{font-size:1rem;margin-top:2rem}td{padding:.2rem .6rem}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"<!doctype html><meta charset=utf-8><title>Seawall demo</title><style>{style}</style><h1>An outage that stays where it began</h1>{body}", encoding="utf-8")


def main() -> int:
    here = Path(__file__).parent
    seawall.configure(here / "seawall.toml")
    on, off = walk(True), walk(False)
    lines = verdicts(on, off)
    report(on, off, lines, Path(sys.argv[1]))
    print()
    for text, good in lines:
        print(f"  {'ok  ' if good else 'MISS'} {text}")
    print(f"\n  report: {sys.argv[1]}")
    return 0 if all(good for _, good in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
