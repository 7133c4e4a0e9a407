"""Signals of the browser tests' shop: something to see on each page of theirs."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from catalog.models import Product, Review
from forecasting.models import BehaviourReading, CategorySuggestion, LookAlike, ProductVoice, SignalRun
from forecasting.services.trends import trends_read
from replenishment.models import PlanRun, Suggestion
from tests.cast import make_category
from tests.forecasting.test_trials import make_trial, make_verdict


def signal_addresses(shop: PlanRun) -> list[str]:
    """The pages of signals, filled."""
    rows = list(Suggestion.objects.filter(plan_run=shop).select_related("product", "location").order_by("pk"))
    product, other, new = rows[0].product, rows[1].product, rows[2].product
    teas = make_category(name="Teas", code="TEAS")
    Product.objects.filter(pk=other.pk).update(category=teas)
    run = SignalRun.objects.create(as_of=shop.as_of, known_at=timezone.now() + timedelta(seconds=5))
    run.report = {"trends": trends_read(run, lambda share: None)}
    run.state = SignalRun.State.DONE
    run.save()
    review = Review.objects.create(
        source="shop", number="1", product=product, day=shop.as_of, text="The taste is excellent.",
        recorded_at=timezone.now(), is_assumed=True,
    )  # fmt: skip
    ProductVoice.objects.create(
        product=product, as_of=shop.as_of, reviews=12, left_out=2, level=0.4, low=0.2, high=0.6,
        before=0.8, change=-0.4, changed_on=shop.as_of,
        months=[["2026-04-01", 5, 0.8], ["2026-05-01", 0, None], ["2026-06-01", 7, 0.4]],
        aspects=[{"aspect": "taste", "praised": 3, "blamed": 1, "quotes": [[review.pk, 4, 22, 0.9]]}],
    )  # fmt: skip
    CategorySuggestion.objects.create(
        product=product, category=teas, probability=0.9, basis="text", best=[[teas.pk, 0.9]],
        content_sha="x", model_id="m",
    )  # fmt: skip
    BehaviourReading.objects.create(
        product=product, location=rows[0].location, as_of=shop.as_of, views=90, sparkline=[1, 3, 2],
        conversion=0.05, conversion_low=0.04, conversion_high=0.06, conversion_change=0.5,
        conversion_went="down", interest_change=2.0, interest_went="up", lost_units=3, lost_low=1,
        lost_high=5, out_days=3, lost_value=12, is_assumed=True,
    )  # fmt: skip
    Product.objects.filter(pk=new.pk).update(status="new")
    LookAlike.objects.create(product=new, neighbour=other, weight=0.7, parts={"title": 0.8})
    trial = make_trial(state="done", report={"origins": ["2026-05-03"], "series": 6, "signals": {}})
    make_verdict(trial)
    make_verdict(trial, "views", used=False)
    return [
        "/trends/",
        "/trends/?kind=category",
        f"/trends/product/{product.pk}/",
        f"/trends/category/{teas.pk}/",
        "/signals/reviews/",
        f"/signals/reviews/of/{product.pk}/?page",
        "/signals/categories/",
        "/signals/new-products/",
        f"/signals/look-alikes/{new.pk}/?page",
        "/signals/behaviour/",
        "/signals/",
        "/signals/trials/",
        f"/signals/trials/{trial.pk}/",
        "/pictures/import/",
        f"/sku/{product.pk}/{rows[0].location_id}/",
    ]
