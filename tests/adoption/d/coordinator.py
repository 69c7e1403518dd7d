"""The coordinator's breaker, on Seawall: its class, its properties, its error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import seawall

CircuitBreakerOpenError = seawall.CircuitOpenError


def breaker(name: str, failure_threshold: int = 5, cooldown_seconds: float = 30) -> seawall.CircuitBreaker:
    return seawall.circuit_breaker(name=name, failures=failure_threshold, open_for=cooldown_seconds)


class Agents:
    """A breaker for each agent."""

    def __init__(self) -> None:
        self._agents = breaker("agents", failure_threshold=2)

    def of(self, agent: str) -> Any:
        return self._agents.key(agent)

    async def execute(self, agent: str, call: Callable[[], Awaitable[Any]]) -> Any:
        return await self.of(agent).execute(call)
