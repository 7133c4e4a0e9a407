"""What the run page and the accuracy page say alike: coverage, and who became champion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from forecasting.models import ChampionDecision
from forecasting.selectors import OVERALL
from forecasting.words import MODELS, SEGMENTS, name_of

# A choice with the names of its segment, champion, champion before and best challenger.
DecisionLine = tuple[ChampionDecision, str, str, str, str]
_LEVELS = (90, 95, 99)


def coverage_rows(scores: Mapping[str, float | None]) -> list[dict[str, Any]]:
    """Per level the shares of demand below and at most its quantile, of single periods and of sums.

    `miss` is the distance of the level from between the two, below 0 where too little demand was covered.
    """
    return [
        {
            "level": level / 100,
            "kinds": [
                _kind(scores.get(f"{kind}_{level}_below"), scores.get(f"{kind}_{level}"), level / 100)
                for kind in ("coverage", "cum_coverage")
            ],
        }
        for level in _LEVELS
    ]


def _kind(below: float | None, at_most: float | None, level: float) -> dict[str, float | None]:
    missing = below is None or at_most is None
    miss = None if missing else min(at_most - level, 0.0) + max(below - level, 0.0)  # type: ignore[operator]
    return {"below": below, "at_most": at_most, "miss": miss}


def share_lines(mix: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Per segment the share that a model with quantiles of its own has, of single periods and of sums.

    `mix` is that of a run's report; all series first. Empty where no segment gives it any.
    """
    shares = mix.get("shares") or {}
    if not any(max(pair) > 0 for pair in shares.values()):
        return []
    return [
        {"segment": name_of(SEGMENTS, name), "single": shares[name][0], "summed": shares[name][1]}
        for name in sorted(shares, key=lambda name: (name != OVERALL, name))
    ]


def decision_lines(decisions: Iterable[ChampionDecision]) -> list[DecisionLine]:
    """Choices in people's words."""
    return [
        (
            row,
            name_of(SEGMENTS, row.segment),
            name_of(MODELS, row.champion),
            name_of(MODELS, row.previous),
            name_of(MODELS, row.challenger),
        )
        for row in decisions
    ]
