"""Accuracy within the lead time of each product-location, as it was known to the run."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from forecasting.core.accuracy import COLUMN, band_ends
from forecasting.selectors import accuracy as reads
from forecasting.selectors.lead_bands import lead_bands
from forecasting.selectors.series_accuracy import accuracy_table
from tests.cast import make_lane, make_location, make_product, make_terms
from tests.forecasting.held_out import make_accuracy, make_tested_run

pytestmark = pytest.mark.django_db
PAGE = "/forecasts/accuracy/"


def test_each_counts_up_to_the_band_in_which_its_lead_time_ends(client: Client, viewer: User) -> None:
    assert band_ends(13) == [3, 6, 13]
    here, store, source = make_location(), make_location(), make_location()
    products = [make_product() for _ in range(5)]
    quick, slow, endless, _nobody, own = products
    make_terms(product=quick, lead_time_days=21)  # three weeks: the first band
    make_terms(product=quick, lead_time_days=90, rank=2)
    make_terms(product=slow, lead_time_days=22)  # begins the fourth
    make_terms(product=endless, lead_time_days=900)
    make_terms(product=own, lead_time_days=90)
    make_terms(product=own, location=here, lead_time_days=40)
    make_lane(source, store, is_supply=True, lead_time_days=2)
    run = make_tested_run(known_at=timezone.now() + timedelta(minutes=1))
    series = [(product, here) for product in products] + [(slow, store)]
    sums = make_accuracy(run, series)
    table = accuracy_table(run)
    leads = lead_bands(run)
    assert leads is not None
    found = dict(zip(zip(table.product.tolist(), table.location.tolist(), strict=True), leads, strict=True))
    expected = [0, 1, 2, 2, 1, 0]
    assert [found[product.pk, place.pk] for product, place in series] == expected

    chosen = reads.AccuracyFilter(within_lead_time=True)
    report = reads.accuracy_report(table, chosen, reads.category_tree("en"), leads)
    taken = [(n, band) for n, last in enumerate(expected) for band in range(last + 1)]
    wrong = sum(float(sums[n, b, COLUMN["absolute_error"]]) for n, b in taken)
    sold = sum(float(sums[n, b, COLUMN["actual"]]) for n, b in taken)
    assert report.overall.scores["wape"] == pytest.approx(wrong / sold)
    assert report.overall.left_out == round(sum(float(sums[n, b, COLUMN["left_out"]]) for n, b in taken))

    client.force_login(viewer)
    page = client.get(PAGE)
    assert page.context["chosen"] == chosen
    assert not page.context["is_filtered"]
    assert page.context["report"].overall.scores["wape"] == pytest.approx(wrong / sold)
    everything = client.get(f"{PAGE}?band=all")
    assert everything.context["chosen"] == reads.AccuracyFilter()
    assert client.get(f"{PAGE}?band=2").context["chosen"] == reads.AccuracyFilter(band=1)


def test_terms_that_came_later_change_no_score(client: Client, viewer: User) -> None:
    place, product = make_location(), make_product()
    run = make_tested_run(known_at=timezone.now() - timedelta(days=1))
    make_accuracy(run, [(product, place)])
    make_terms(product=product, lead_time_days=7)
    assert lead_bands(run) is None
    client.force_login(viewer)
    page = client.get(PAGE)
    assert page.context["chosen"] == reads.AccuracyFilter()
    assert "Within the lead time" not in page.content.decode()
