"""Policy rules and budgets in the API: read, made, changed, deleted. Partners see none of them."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from catalog.models import Category, Location, Product, Supplier
from replenishment import services
from replenishment.models import Budget, PolicyRule
from replenishment.selectors import budgets as budget_reads


def _named(model: type[Model], slug: str, **options: Any) -> serializers.SlugRelatedField[Any]:
    """A row that a setting is for, by its natural key; null narrows nothing down."""
    return serializers.SlugRelatedField(
        slug_field=slug, queryset=model._default_manager.all(), required=False, allow_null=True, **options
    )


class PolicyRuleSerializer(serializers.ModelSerializer[PolicyRule]):
    """A rule for all that matches every field of its scope; nulls are the plan's or the supply terms' own.

    Money is in the home currency, shares are from 0 to 1.
    """

    sku = _named(Product, "sku", source="product")
    category = _named(Category, "code")
    supplier = _named(Supplier, "code")
    location = _named(Location, "code")

    class Meta:
        model = PolicyRule
        fields = (
            "id", "name", "sku", "category", "supplier", "location", "abc", "xyz", "policy", "target_kind",
            "target", "reorder_point", "order_up_to", "max_stock", "review_days", "holding_rate",
            "order_cost", "stockout_cost", "season_ends_on", "salvage_share", "is_active", "note",
            "updated_at",
        )  # fmt: skip
        read_only_fields = ("id", "updated_at")


class BudgetSerializer(serializers.ModelSerializer[Budget]):
    """Money for orders of a period, both days included, in the home currency."""

    category = _named(Category, "code")
    supplier = _named(Supplier, "code")
    location = _named(Location, "code")

    class Meta:
        model = Budget
        fields = (
            "id", "name", "amount", "first_day", "last_day", "category", "supplier", "location", "is_active",
            "updated_at",
        )  # fmt: skip
        read_only_fields = ("id", "updated_at")


class _SettingViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.CreateModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[Any],
):
    lookup_value_regex = r"\d{1,18}"

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        """A new one, by the service."""
        model = self.get_queryset().model
        serializer.instance = self._save(model(**serializer.validated_data))

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change what is given of it; the rest stays."""
        setting = self.get_object()
        serializer = self.get_serializer(setting, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        for name, value in serializer.validated_data.items():
            setattr(setting, name, value)
        return Response(self.get_serializer(self._save(setting)).data)

    def _save(self, setting: Any) -> Any:
        user = cast("User", self.request.user)
        if isinstance(setting, PolicyRule):
            return services.rule_save(rule=setting, acting_user=user)
        return services.budget_save(budget=setting, acting_user=user)

    def perform_destroy(self, instance: Any) -> None:
        """Take it away, by the service."""
        user = cast("User", self.request.user)
        if isinstance(instance, PolicyRule):
            services.rule_delete(rule=instance, acting_user=user)
        else:
            services.budget_delete(budget=instance, acting_user=user)


def _permissions(model: str) -> dict[str, str]:
    words = {
        "list": "view",
        "retrieve": "view",
        "create": "add",
        "partial_update": "change",
        "destroy": "delete",
    }
    return {action: f"replenishment.{word}_{model}" for action, word in words.items()}


class PolicyRuleViewSet(_SettingViewSet):
    """Policy rules; of those that match a row of a plan the most specific one wins."""

    queryset = PolicyRule.objects.select_related("product", "category", "supplier", "location").order_by("pk")
    serializer_class = PolicyRuleSerializer
    action_permissions: ClassVar = _permissions("policyrule")


class BudgetViewSet(_SettingViewSet):
    """Budgets for orders."""

    queryset = Budget.objects.none()
    serializer_class = BudgetSerializer
    action_permissions: ClassVar = _permissions("budget")

    def get_queryset(self) -> QuerySet[Budget]:
        """In the order in which they were made."""
        return budget_reads.budgets_list().order_by("pk")
