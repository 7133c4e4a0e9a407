"""Proposed actions: the list, and what people decide about each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from catalog.models import Location
from replenishment import selectors, services
from replenishment.forms import ActionFilter, ShortCommentForm
from replenishment.models import PlanAction
from replenishment.selectors import ActionSums
from replenishment.views.access import buyer_page, reader
from replenishment.views.paging import page_of

PAGE_SIZE = 50
State = PlanAction.State


@dataclass(frozen=True)
class ActionLine:
    """An action, and what Forestock can do about it for this person: `selectors.action_service`."""

    action: PlanAction
    service: str


def action_lines(request: HttpRequest, actions: Iterable[PlanAction]) -> list[ActionLine]:
    """Of rows of `selectors.actions_detailed`."""
    user = reader(request)
    return [
        ActionLine(
            action,
            selectors.action_service(action, user, lines_count=getattr(action, "lines_count", None)),
        )
        for action in actions
    ]


@dataclass(frozen=True)
class Tab:
    """A choice, with how many actions it holds."""

    key: str
    label: str
    count: int


@require_GET
@buyer_page("replenishment.view_planaction")
def action_list(request: HttpRequest) -> HttpResponse:
    """The latest plan's actions, what saves most first."""
    plan = selectors.plan_latest()
    form = ActionFilter(request.GET, plan=plan)
    form.is_valid()
    values = form.cleaned_data
    state = values.get("state") or State.OPEN.value
    location: Location | None = values.get("location")
    search, supplier_id = values.get("q") or "", values.get("supplier") or None
    found = selectors.actions_list(
        plan,
        search=search,
        supplier_id=supplier_id,
        location_id=location.pk if location else None,
    )
    sums = selectors.actions_sums(found, state=state)
    kind = values.get("kind") or ""
    chosen = found.filter(state=state, **({"kind": kind} if kind else {}))
    page = page_of(chosen, request.GET.get("page"), size=PAGE_SIZE)
    return render(
        request,
        "replenishment/action_list.html",
        {
            "plan": plan,
            "page": page,
            "lines": action_lines(request, page.object_list),
            "form": form,
            "q": search,
            "kind": kind,
            "state": state,
            "supplier": supplier_id,
            "location": location,
            "tabs": _tabs(sums),
            "kinds": [
                (key, PlanAction.Kind(key).label, number, saving)
                for key, (number, saving) in sums.by_kind.items()
            ],
            "saving": sums.by_kind[kind][1] if kind in sums.by_kind else sums.saving,
            "suppliers": selectors.actions_suppliers(plan),
            "may_decide": request.user.has_perm("replenishment.decide_planaction"),
        },
    )


@require_POST
@buyer_page("replenishment.view_planaction", "replenishment.decide_planaction")
def action_decide(request: HttpRequest, pk: int, step: str) -> HttpResponse:
    """Carry an action out, note that it was done, dismiss it, or take it up again; then the list again."""
    if step not in _STEPS:
        raise Http404
    get_object_or_404(PlanAction.objects.only("pk"), pk=pk)
    form = ShortCommentForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("The comment is too long."))
    else:
        try:
            action = _STEPS[step](pk, reader(request), form.cleaned_data["comment"])
        except services.ReplenishmentError as error:
            messages.error(request, str(error))
        else:
            messages.success(
                request,
                _("%(sku)s: %(kind)s – %(state)s.")
                % {
                    "sku": action.product.sku,
                    "kind": action.get_kind_display(),
                    "state": action.get_state_display(),
                },
            )
    query = request.META.get("QUERY_STRING", "")
    return redirect(reverse("replenishment:action-list") + (f"?{query}" if query else ""))


def _carry_out(pk: int, user: User, comment: str) -> PlanAction:
    return services.action_carry_out(action_id=pk, acting_user=user, comment=comment)


def _done(pk: int, user: User, comment: str) -> PlanAction:
    return services.action_done(action_id=pk, acting_user=user, comment=comment)


def _dismiss(pk: int, user: User, comment: str) -> PlanAction:
    return services.action_dismiss(action_id=pk, acting_user=user, reason=comment)


def _reopen(pk: int, user: User, comment: str) -> PlanAction:
    return services.action_reopen(action_id=pk, acting_user=user)


_STEPS: dict[str, Callable[[int, User, str], PlanAction]] = {
    "carry-out": _carry_out,
    "done": _done,
    "dismiss": _dismiss,
    "reopen": _reopen,
}


def _tabs(sums: ActionSums) -> list[Tab]:
    return [Tab(key, str(State(key).label), number) for key, number in sums.by_state.items()]
