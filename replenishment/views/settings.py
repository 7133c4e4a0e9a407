"""Policy rules and budgets: the lists, and the forms that change them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from catalog import selectors as catalog
from replenishment import selectors, services
from replenishment.models import Budget, PolicyRule
from replenishment.selectors import budgets as budget_reads
from replenishment.selectors import settings as reads
from replenishment.settings_forms import BudgetForm, RuleForm
from replenishment.views.access import buyer_page, reader

_LATEST_EVENTS = 15


@require_GET
@buyer_page("replenishment.view_policyrule")
def rule_list(request: HttpRequest) -> HttpResponse:
    """All policy rules, the most specific first, with how many rows of the latest plan each one won."""
    plan = selectors.plan_latest()
    used = reads.rules_used(plan)
    return render(
        request,
        "replenishment/rule_list.html",
        {
            "lines": [(rule, used.get(rule.pk, 0)) for rule in reads.rules_list()],
            "plan": plan,
            "events": reads.setting_events("policyrule")[:_LATEST_EVENTS],
            "may_add": request.user.has_perm("replenishment.add_policyrule"),
        },
    )


@require_http_methods(["GET", "POST"])
@buyer_page("replenishment.add_policyrule")
def rule_add(request: HttpRequest) -> HttpResponse:
    """A new rule; its scope may come from the address (`?sku=...&supplier=...`)."""
    return _edited(request, RuleForm(request.POST or None, initial=request.GET.dict()), "rule")


@require_http_methods(["GET", "POST"])
@buyer_page("replenishment.change_policyrule")
def rule_change(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a rule."""
    rule = get_object_or_404(PolicyRule.objects.select_related("product"), pk=pk)
    return _edited(request, RuleForm(request.POST or None, instance=rule), "rule")


@require_POST
@buyer_page("replenishment.delete_policyrule")
def rule_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a rule away."""
    rule = get_object_or_404(PolicyRule, pk=pk)
    services.rule_delete(rule=rule, acting_user=reader(request))
    messages.success(request, _("“%(name)s” was deleted.") % {"name": rule.name})
    return redirect("replenishment:rule-list")


@require_GET
@buyer_page("replenishment.view_budget")
def budget_list(request: HttpRequest) -> HttpResponse:
    """All budgets with what is spoken for."""
    return render(
        request,
        "replenishment/budget_list.html",
        {
            "states": budget_reads.budget_states(budget_reads.budgets_list()),
            "today": catalog.today(),
            "events": reads.setting_events("budget")[:_LATEST_EVENTS],
            "may_add": request.user.has_perm("replenishment.add_budget"),
            "may_change": request.user.has_perm("replenishment.change_budget"),
        },
    )


@require_http_methods(["GET", "POST"])
@buyer_page("replenishment.add_budget")
def budget_add(request: HttpRequest) -> HttpResponse:
    """A new budget."""
    return _edited(request, BudgetForm(request.POST or None), "budget")


@require_http_methods(["GET", "POST"])
@buyer_page("replenishment.change_budget")
def budget_change(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a budget."""
    budget = get_object_or_404(Budget, pk=pk)
    return _edited(request, BudgetForm(request.POST or None, instance=budget), "budget")


@require_POST
@buyer_page("replenishment.delete_budget")
def budget_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a budget away."""
    budget = get_object_or_404(Budget, pk=pk)
    services.budget_delete(budget=budget, acting_user=reader(request))
    messages.success(request, _("“%(name)s” was deleted.") % {"name": budget.name})
    return redirect("replenishment:budget-list")


def _edited(request: HttpRequest, form: Any, what: str) -> HttpResponse:
    """Store what was posted, or show the form (again)."""
    status = 200
    if request.method == "POST":
        if form.is_valid():
            setting = form.save(commit=False)
            try:
                if isinstance(setting, PolicyRule):
                    services.rule_save(rule=setting, acting_user=reader(request))
                else:
                    services.budget_save(budget=setting, acting_user=reader(request))
            except services.SettingError as error:
                form.add_error(None, str(error))
            else:
                messages.success(
                    request, _("“%(name)s” holds from the next plan on.") % {"name": setting.name}
                )
                return redirect(f"replenishment:{what}-list")
        status = 422
    pk = form.instance.pk
    kind = form.instance._meta.model_name
    return render(
        request,
        f"replenishment/{what}_form.html",
        {
            "form": form,
            "setting": form.instance if pk else None,
            "events": reads.setting_events(kind, pk)[:_LATEST_EVENTS] if pk else [],
            "may_delete": bool(pk) and request.user.has_perm(f"replenishment.delete_{kind}"),
        },
        status=status,
    )
