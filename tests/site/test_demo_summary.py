from __future__ import annotations

import pytest
from django.utils import timezone

from forecasting.models import AccuracySnapshot, SignalRun, SignalTrial, SignalVerdict
from inventory_site.demo.summary import signal_lines, summary_lines
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


@pytest.mark.django_db
def test_it_says_what_the_signals_say_and_which_are_used() -> None:
    report = {
        "reviews": {"new": 2041, "left_out": 555},
        "categories": {"suggested": 3, "contradicted": 26},
        "look_alikes": {"products": 12},
        "trends": {"classes": {"rising": 4, "peak": 1}},
    }
    run = SignalRun.objects.create(as_of=DAY, known_at=timezone.now(), report=report)
    trial = SignalTrial.objects.create(as_of=DAY, known_at=timezone.now(), spec={})
    shared = {"trial": trial, "wape_without": 1.0, "pinball_without": 0.2, "pinball_with": 0.2, "low": -0.2,
              "high": 0.1, "p_value": 0.01, "origins": 5}  # fmt: skip
    for signal, wape in (("views", 0.9), ("indicator:NOISE", 1.01)):
        SignalVerdict.objects.create(
            signal=signal, wape_with=wape, difference=wape - 1, used=wape < 1, **shared
        )
    first, trends, used, rejected = signal_lines(run, trial)
    for words in (
        "2,041 reviews read, 555 left out",
        "0 products",
        "3 categories suggested, 26 doubted",
        "12 new",
    ):
        assert words in first
    assert trends == "  trends: rising 4, peak 1"
    assert used == "  used: views (-10.0% WAPE)"
    assert rejected == "  shown, but not used: indicator:NOISE (+1.0% WAPE)"
