"""The scripted functions that the calls of a vector protect."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import seawall
from seawall.testing import CallerGone

from conform_words import Ended, Mismatch, given

if TYPE_CHECKING:
    from conform import World


class Attempts:
    """The scripted function of one call."""

    def __init__(self, world: World, step: dict[str, Any]) -> None:
        self.world, self.step = world, step
        self.begun = self.waits = 0

    def wait(self, nanos: int | None) -> None:
        self.waits += 1
        if self.step.get("cancel_wait") == self.waits:
            raise CallerGone
        if nanos is None:
            raise Mismatch("the call queues without a limit and nobody leaves")

    def line(self) -> dict[str, Any]:
        self.begun += 1
        script = self.step.get("script")
        if script is None:
            return {}
        if len(script) < self.begun:
            raise Mismatch(f"the script has no attempt {self.begun}")
        line: dict[str, Any] = script[self.begun - 1]
        return line

    def before(self, line: dict[str, Any]) -> int:
        if "during" in line:
            self.world.run(line["during"])
            self.world.step_now = self.step
            self.world.box.on_wait(self.wait)
        return given(line, "takes") or 0

    def after(self, line: dict[str, Any]) -> str:
        if "cost" in line:
            seawall.spend(**line["cost"])
        if "cancel" in line:
            raise CallerGone(by_deadline=line["cancel"] == "deadline")
        outcome = line.get("outcome", "success")
        if outcome != "success":
            raise Ended(outcome, given(line, "hint"))
        return "a value"

    def function(self, coroutines: bool) -> Any:
        streams = any("commit" in line for line in self.step.get("script", ()))
        if streams:
            return self.astream if coroutines else self.stream
        return self.acall if coroutines else self.plain

    def plain(self) -> str:
        line = self.line()
        self.world.move(self.before(line))
        return self.after(line)

    async def acall(self) -> str:
        line = self.line()
        # A coroutine that comes back late: nothing interrupts it before it looks.
        self.world.move(self.before(line))
        return self.after(line)

    def stream(self) -> Any:
        line = self.line()
        takes = self.before(line)
        if line.get("commit"):
            yield "an item"
        self.world.move(takes)
        self.after(line)

    async def astream(self) -> Any:
        line = self.line()
        takes = self.before(line)
        if line.get("commit"):
            yield "an item"
        self.world.move(takes)
        self.after(line)

    def drive(self, policy: seawall.Policy, fn: Any) -> None:
        protected = policy(fn)
        if fn == self.plain:
            protected()
        elif fn == self.stream:
            list(protected())
        else:
            self.spin(protected())

    def spin(self, work: Any) -> None:
        """Runs a coroutine or an async generator to its end, in a loop of its own (calls may nest)."""
        done: list[BaseException | None] = []

        async def main() -> None:
            try:
                if hasattr(work, "__aiter__"):
                    async for _ in work:
                        pass
                else:
                    await work
                done.append(None)
            except BaseException as error:
                done.append(error)

        running = asyncio._get_running_loop()
        asyncio._set_running_loop(None)
        try:
            asyncio.run(main())
        finally:
            asyncio._set_running_loop(running)
        if done[0] is not None:
            raise done[0]
