"""How forecasts look in the API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from forecasting.models import AccuracySnapshot, ForecastDistribution, ForecastRun


class SnapshotSerializer(serializers.ModelSerializer[AccuracySnapshot]):
    """A model's backtest scores in a segment."""

    scores = serializers.DictField(child=serializers.FloatField(allow_null=True))

    class Meta:
        model = AccuracySnapshot
        fields = ("model", "segment", "is_champion", "series", "scores")


class RunSerializer(serializers.ModelSerializer[ForecastRun]):
    """A forecast run."""

    spec = serializers.DictField()
    trained_by = serializers.IntegerField(source="trained_by_id", allow_null=True, read_only=True)
    same_as = serializers.IntegerField(source="same_as_id", allow_null=True, read_only=True)

    class Meta:
        model = ForecastRun
        fields = (
            "id", "state", "step", "progress", "error", "kind", "trained_by", "same_as", "as_of", "known_at",
            "spec", "series", "fingerprint", "created_at", "started_at", "finished_at", "pruned_at",
        )  # fmt: skip
        read_only_fields = fields


class RunDetailSerializer(RunSerializer):
    """A forecast run with its scores and where its numbers come from."""

    snapshots = SnapshotSerializer(many=True, read_only=True)
    versions = serializers.DictField()

    class Meta(RunSerializer.Meta):
        fields = (*RunSerializer.Meta.fields, "versions", "snapshots")  # type: ignore[assignment]


class RunStartSerializer(serializers.Serializer[Any]):
    """What a new run is to do; everything has a default."""

    as_of = serializers.DateField(required=False, help_text="Default: the last complete day with sales.")
    freq = serializers.ChoiceField(choices=["D", "W", "M"], required=False)
    horizon = serializers.IntegerField(min_value=1, max_value=400, required=False, help_text="Periods.")
    models = serializers.ListField(
        child=serializers.CharField(max_length=32), allow_empty=False, max_length=20, required=False
    )
    kind = serializers.ChoiceField(
        choices=ForecastRun.Kind.choices,
        required=False,
        help_text="Default: an update while the trained models are young and do well, else full.",
    )
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)


class ForecastSerializer(serializers.ModelSerializer[ForecastDistribution]):
    """The demand distribution of a product at a location, in units.

    Lists run over the periods `ds`; quantiles hold one list for each level. `cum_` is demand from the as-of
    date through the period's end: sums over several periods are read there, not added up from quantiles.
    """

    sku = serializers.CharField(source="product.sku", read_only=True)
    location: serializers.SlugRelatedField[Any] = serializers.SlugRelatedField(
        slug_field="code", read_only=True
    )
    run = serializers.IntegerField(source="run_id")
    as_of = serializers.DateField()
    freq = serializers.CharField()
    ds = serializers.ListField(child=serializers.DateField())
    levels = serializers.ListField(child=serializers.FloatField())
    mean = serializers.ListField(child=serializers.FloatField())
    model_mean = serializers.ListField(
        child=serializers.FloatField(), help_text="The model's own, without overrides."
    )
    overrides = serializers.ListField(
        child=serializers.IntegerField(), help_text="Ids of the planners' overrides in it, oldest first."
    )
    cum_mean = serializers.ListField(child=serializers.FloatField())
    quantiles = serializers.ListField(child=serializers.ListField(child=serializers.FloatField()))
    cum_quantiles = serializers.ListField(child=serializers.ListField(child=serializers.FloatField()))

    class Meta:
        model = ForecastDistribution
        fields = (
            "id", "run", "sku", "location", "as_of", "freq", "model", "segment", "pattern", "ds",
            "levels", "mean", "cum_mean", "quantiles", "cum_quantiles", "model_mean", "overrides",
        )  # fmt: skip


class DemandResponseSerializer(serializers.Serializer[Any]):
    """What demand answers to price and promotion. Docs: price-response.md."""

    elasticity = serializers.FloatField(
        allow_null=True, help_text="Percent of demand for a percent of price, -8 to 0."
    )
    elasticity_se = serializers.FloatField(allow_null=True)
    uplift = serializers.FloatField(
        allow_null=True, help_text="Log factor of a promotion at an unchanged price, 0 to 3."
    )
    uplift_se = serializers.FloatField(allow_null=True)
    price_changes = serializers.IntegerField(help_text="Seen in the series itself.")
    promoted_periods = serializers.IntegerField()


class ForecastDetailSerializer(ForecastSerializer):
    """A demand distribution with what makes its mean.

    `contributions` splits the model's mean of each period into groups (level, trend, season, price,
    promotion, signals, location) that add up to it; null where the run made none. `explanation` says so in
    one sentence, in the language asked for. Both are of the model's own forecast, without overrides.
    `response` is how demand answers to price and promotion; null where the run learned nothing of it.
    """

    contributions = serializers.DictField(
        child=serializers.ListField(child=serializers.FloatField()), allow_null=True
    )
    explanation = serializers.CharField(allow_blank=True)
    response = DemandResponseSerializer(allow_null=True)

    class Meta(ForecastSerializer.Meta):
        fields = (*ForecastSerializer.Meta.fields, "contributions", "explanation", "response")  # type: ignore[assignment]
