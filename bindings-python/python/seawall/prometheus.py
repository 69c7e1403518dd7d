"""The metrics of Seawall in a registry of prometheus_client: `pip install seawall[prometheus]`.

Numbers are read when somebody scrapes; nothing is counted twice and nothing runs in between.
"""

from __future__ import annotations

try:
    from prometheus_client.parser import text_string_to_metric_families
    from prometheus_client.registry import REGISTRY, Collector, CollectorRegistry
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        "seawall.prometheus needs prometheus_client: pip install seawall[prometheus], "
        "or serve the text of seawall.metrics()",
        name=missing.name,
    ) from None

from . import _registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.metrics_core import Metric

__all__ = ["SeawallCollector", "register"]


class SeawallCollector(Collector):
    """All policies of the process; of a forked worker, its own. Any thread may collect."""

    def collect(self) -> Iterable[Metric]:
        yield from text_string_to_metric_families(_registry.metrics())

    def describe(self) -> Iterable[Metric]:
        """What there is now, so that a registry refuses a second collector."""
        return self.collect()


def register(registry: CollectorRegistry = REGISTRY) -> SeawallCollector:
    """Adds the metrics to a registry, the default one if none is given; raises `ValueError` if it has them."""
    collector = SeawallCollector()
    registry.register(collector)
    return collector
