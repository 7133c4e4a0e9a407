from __future__ import annotations

import pytest

from forecasting.models import AccuracySnapshot
from inventory_site.demo.summary import summary_lines
from tests.site.api_world import DAY, World
from tests.site.test_api_matrix import callers, world  # noqa: F401


@pytest.mark.django_db
def test_it_sums_up_models_with_and_without_quantiles(world: World) -> None:  # noqa: F811
    shared = {
        "run": world.run,
        "as_of": DAY,
        "frequency": "W",
        "horizon": 4,
        "segment": "overall",
        "series": 3,
    }
    AccuracySnapshot.objects.filter(run=world.run).delete()
    full = {"wape": 0.5, "bias": -0.01, "pinball": 0.2, "cum_pinball": 0.1}
    AccuracySnapshot.objects.create(model="champion", scores=full, **shared)
    AccuracySnapshot.objects.create(model="linear", scores={"wape": 0.6, "bias": 0.02}, **shared)
    lines = list(summary_lines(world.run, world.plan))
    [champion] = [line for line in lines if "champion" in line]
    [linear] = [line for line in lines if "linear" in line]
    assert champion.split() == ["champion", "0.500", "-0.010", "0.200", "0.100"]
    assert linear.split() == ["linear", "0.600", "+0.020", "-", "-"]
    assert len(champion) == len(linear)
