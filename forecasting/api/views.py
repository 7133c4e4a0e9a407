"""Forecast runs and their distributions in the API. Partners see none of it."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from math import isfinite
from typing import Any, ClassVar, cast

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from forecasting import selectors, services, tasks
from forecasting.api import filters, serializers
from forecasting.explanations import sentence
from forecasting.models import ForecastDistribution, ForecastRun
from forecasting.selectors.explanations import explanation_read
from forecasting.selectors.responses import response_of

DECIMALS = 4


class ForecastRunViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[ForecastRun]
):
    """Forecast runs, newest first."""

    queryset = ForecastRun.objects.all()
    serializer_class = serializers.RunSerializer
    filterset_class = filters.RunFilter
    lookup_value_regex = r"\d{1,18}"
    newest_first = True
    action_permissions: ClassVar = {
        "list": "forecasting.view_forecastrun",
        "retrieve": "forecasting.view_forecastrun",
        "create": "forecasting.add_forecastrun",
    }

    @property
    def throttle_scope(self) -> str | None:
        """A run keeps a worker busy for minutes."""
        return "bulk" if self.action == "create" else None

    def get_queryset(self) -> QuerySet[ForecastRun]:
        """The list leaves the long columns alone."""
        queryset = super().get_queryset()
        if self.action == "retrieve":
            return queryset.prefetch_related("snapshots")
        return queryset.defer("report", "versions")

    def get_serializer_class(self) -> Any:
        """Scores are shown with a single run."""
        return serializers.RunDetailSerializer if self.action == "retrieve" else serializers.RunSerializer

    @extend_schema(request=serializers.RunStartSerializer, responses={202: serializers.RunSerializer})
    def create(self, request: Request) -> Response:
        """Start a run; follow it by its address until `state` is done or failed."""
        from forecasting.core.spec import ForecastSpec

        data = serializers.RunStartSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        values = dict(data.validated_data)
        as_of, kind = values.pop("as_of", None), values.pop("kind", None)
        try:
            spec = ForecastSpec(**values) if values else None
        except ValueError as error:
            raise ValidationError(str(error)) from None
        run = services.run_create(acting_user=cast("User", request.user), as_of=as_of, spec=spec, kind=kind)
        # A broker that is away loses nothing: a queued run is dispatched again.
        transaction.on_commit(lambda: tasks.run_execute_task.delay(run.pk), robust=True)
        return Response(serializers.RunSerializer(run).data, status=HTTPStatus.ACCEPTED)


class ForecastViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[ForecastDistribution]
):
    """Demand distributions: those of the latest run, unless `run` names another."""

    queryset = ForecastDistribution.objects.select_related("run", "product", "location").defer(
        "mean", "quantiles", "cum_quantiles", "contributions", "corrections", "run__report", "run__versions"
    )
    serializer_class = serializers.ForecastSerializer
    filterset_class = filters.ForecastFilter
    lookup_value_regex = r"\d{1,18}"
    page_size = 20
    max_page_size = 200
    action_permissions: ClassVar = {
        "list": "forecasting.view_forecastdistribution",
        "retrieve": "forecasting.view_forecastdistribution",
    }

    def get_queryset(self) -> QuerySet[ForecastDistribution]:
        """The rows of finished runs; in a list without `run`, of the latest."""
        queryset = super().get_queryset().filter(run__state=ForecastRun.State.DONE, run__pruned_at=None)
        if self.action == "list" and "run" not in self.request.query_params:
            latest = selectors.run_latest()
            return queryset.filter(run=latest) if latest else queryset.none()
        return queryset

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of distributions."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        rows = with_numbers(page or [])
        return self.get_paginated_response(self.get_serializer(rows, many=True).data)

    def get_serializer_class(self) -> Any:
        """A single distribution is explained."""
        if self.action == "retrieve":
            return serializers.ForecastDetailSerializer
        return serializers.ForecastSerializer

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One distribution, and what makes its mean."""
        stored = self.get_object()
        (row,) = with_numbers([stored])
        return Response(self.get_serializer(row | explained(stored) | responding(stored)).data)


def explained(row: ForecastDistribution) -> dict[str, Any]:
    """The parts of a row's mean as lists by group, and the sentence in the active language."""
    from forecasting.core.explain import GROUPS

    found = explanation_read(run_id=row.run_id, product_id=row.product_id, location_id=row.location_id)
    if found is None or found.contributions is None:
        return {"contributions": None, "explanation": ""}
    parts = found.contributions.astype("float64").round(DECIMALS).T.tolist()
    return {"contributions": dict(zip(GROUPS, parts, strict=True)), "explanation": sentence(found)}


def responding(row: ForecastDistribution) -> dict[str, Any]:
    """How a row's demand answers to price and promotion; JSON has no NaN: what is unknown is null."""
    found = response_of(row)
    if found is None:
        return {"response": None}
    names = ("elasticity", "elasticity_se", "uplift", "uplift_se")
    numbers = {name: getattr(found, name) for name in names}
    known = {name: round(value, DECIMALS) if isfinite(value) else None for name, value in numbers.items()}
    counts = {"price_changes": found.seen_changes, "promoted_periods": found.seen_promoted}
    return {"response": known | counts}


def with_numbers(rows: Iterable[ForecastDistribution]) -> list[dict[str, Any]]:
    """The rows with their arrays as lists, read in bulk: one read for each run."""
    rows = list(rows)
    overridden = {
        run_id: selectors.distribution_overridden(
            run_id=run_id,
            product_ids=sorted({row.product_id for row in rows if row.run_id == run_id}),
            location_ids=sorted({row.location_id for row in rows if row.run_id == run_id}),
        )
        for run_id in {row.run_id for row in rows}
    }
    read = {run_id: found.demand for run_id, found in overridden.items()}
    places = {
        run_id: {name: place for place, name in enumerate(distribution.unique_id)}
        for run_id, distribution in read.items()
    }
    result = []
    for row in rows:
        distribution = read[row.run_id]
        place = places[row.run_id][f"{row.product_id}@{row.location_id}"]
        mean = distribution.mean[place].astype("float64")
        result.append(
            {
                "id": row.pk,
                "run_id": row.run_id,
                "product": row.product,
                "location": row.location,
                "as_of": distribution.as_of,
                "freq": distribution.freq,
                "model": row.model,
                "segment": row.segment,
                "pattern": row.pattern,
                "ds": distribution.ds.tolist(),
                "levels": list(distribution.levels),
                "mean": mean.round(DECIMALS).tolist(),
                "model_mean": overridden[row.run_id]
                .model.mean[place]
                .astype("float64")
                .round(DECIMALS)
                .tolist(),
                "overrides": overridden[row.run_id].of_series(place),
                "cum_mean": mean.cumsum().round(DECIMALS).tolist(),
                "quantiles": distribution.quantiles[place].T.astype("float64").round(DECIMALS).tolist(),
                "cum_quantiles": distribution.cum_quantiles[place]
                .T.astype("float64")
                .round(DECIMALS)
                .tolist(),
            }
        )
    return result
