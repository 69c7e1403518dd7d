"""The collector, with the real library."""

from __future__ import annotations

import subprocess
import sys
import urllib.request

import prometheus_client
import pytest

import seawall
from seawall import prometheus
from seawall.testing import Sandbox


def test_the_numbers_of_the_core_are_served(box: Sandbox) -> None:
    registry = prometheus_client.CollectorRegistry()
    prometheus.register(registry)

    @seawall.policy("served", breaker={"open_for": 30}, retry={"attempts": 2})
    def call(fails: bool) -> None:
        if fails:
            raise ConnectionError

    for fails in (False, False, True):
        try:
            call(fails)
        except ConnectionError:
            pass
    labels = {"name": "served", "scope": "process"}
    value = registry.get_sample_value
    assert value("seawall_breaker_calls_total", {**labels, "outcome": "success"}) == 2
    assert value("seawall_breaker_calls_total", {**labels, "outcome": "failure"}) == 2
    assert value("seawall_breaker_state", {**labels, "state": "closed"}) == 1
    server, thread = prometheus_client.start_http_server(0, addr="127.0.0.1", registry=registry)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics", timeout=5) as page:
            text = page.read().decode()
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
    assert 'seawall_breaker_calls_total{name="served",outcome="failure",scope="process"} 2.0' in text
    assert names(seawall.metrics()) == names(text)


def names(text: str) -> set[str]:
    return {line.replace("{", " ").split()[0] for line in text.splitlines() if not line.startswith("#")}


def test_a_registry_takes_it_once() -> None:
    registry = prometheus_client.CollectorRegistry()
    collector = prometheus.register(registry)
    with pytest.raises(ValueError, match="Duplicated"):
        prometheus.register(registry)
    registry.unregister(collector)
    prometheus.register(registry)


def test_without_the_library_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['prometheus_client'] = None; import seawall.prometheus"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 1 and "pip install seawall[prometheus]" in ran.stderr
