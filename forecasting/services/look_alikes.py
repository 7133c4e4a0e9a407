"""Look-alikes of new products: found by the reading of signals, corrected by buyers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from catalog.models import Location, Product, ProductImage, SalesRecord, SupplyTerms
from catalog.services.heartbeat import hold
from forecasting.models import LookAlike, LookAlikeChoice, ProductVector, SignalRun
from forecasting.selectors.runs import as_of_default

if TYPE_CHECKING:
    import numpy.typing as npt

    from forecasting.core.launch.find import Weeks
    from forecasting.core.launch.likeness import Goods

NEW_WEEKS = 26
# As much history as launches of the last two years need, with what sold before them.
_HISTORY_DAYS = 3 * 365
_SHOWN = 12
_LEAST_WEIGHT = 0.005


class LookAlikeError(ValueError):
    """Why a look-alike can't be chosen, in the reader's words."""


def look_alikes_find(run: SignalRun, say: Callable[[float], None]) -> dict[str, Any]:
    """The step `look_alikes` of a reading: neighbours of every new product, all anew.

    New is a product of that status, one whose first sale is less than half a year ago, and one that never
    sold but has stock, supply terms or a photo. Titles, attributes, categories and vectors are as they stand;
    sales and statuses are those known to the run.
    """
    import numpy as np

    from forecasting.core.launch.likeness import PARTS
    from forecasting.core.launch.weights import NEIGHBOURS, Candidates, neighbours

    # As forecasts do: what was sold until the last complete day.
    until = min(run.as_of, as_of_default() or run.as_of)
    ids, goods = _goods(until)
    weeks = _weeks(run, until, ids)
    say(0.2)
    curve = weeks.curve()
    weights, launches = weeks.learned(goods, curve)
    say(0.6)
    targets = _targets(ids, weeks, run)
    others = np.flatnonzero(weeks.first < weeks.units.shape[1])
    place = {int(pk): at for at, pk in enumerate(ids)}
    choices = _choices()
    removed, added = _chosen(choices, place)
    made: list[LookAlike] = []
    for rows in weeks.blocks(targets, len(others)):
        found = weeks.candidates(rows, np.full(len(rows), weeks.units.shape[1]), others, goods, curve)
        out, put_in = np.zeros_like(found.allowed), np.zeros_like(found.allowed)
        for at, row in enumerate(rows):
            out[at] = np.isin(others, list(removed.get(int(row), ())))
            put_in[at] = np.isin(others, list(added.get(int(row), ())))
        own = weeks.first[others][None] < weeks.units.shape[1]
        not_self = rows[:, None] != others[None]
        allowed = (found.allowed | (put_in & own & not_self)) & ~out
        near = neighbours(
            Candidates(found.parts, found.level, found.seen, allowed, put_in), weights, NEIGHBOURS
        )
        made += _rows(ids, rows, others, near.index, near.weight, found.parts, PARTS)
        say(0.6 + 0.4 * len(made) / max(_SHOWN * len(targets), 1))
    for row in made:
        row.as_of, row.known_at = until, run.known_at
    with transaction.atomic():
        hold(run)
        LookAlike.objects.all().delete()
        made = _chosen_meanwhile(made, _choices() - choices)
        there = set(Product.objects.values_list("pk", flat=True))
        made = [row for row in made if {row.product_id, row.neighbour_id} <= there]
        LookAlike.objects.bulk_create(made, batch_size=2_000)
    return {
        "products": len({row.product_id for row in made}),
        "launches": launches,
        "as_of": until.isoformat(),
        "weights": weights.to_dict(),
    }


@transaction.atomic
def look_alike_choose(
    *, product: Product, neighbour: Product, choice: str, acting_user: AbstractBaseUser
) -> None:
    """Put a look-alike in or take one out, for good, and at once: the other weights are scaled to sum to 1.

    Raises `LookAlikeError` for the product itself, and for one that never sold: nothing can be learned of it.
    """
    if product.pk == neighbour.pk:
        raise LookAlikeError(_("A product is not its own look-alike."))
    added = LookAlikeChoice.Choice.ADDED
    if choice == added and not SalesRecord.objects.filter(product=neighbour).exists():
        raise LookAlikeError(_("%s has no sales: nothing can be learned from it.") % neighbour.sku)
    LookAlikeChoice.objects.update_or_create(
        product=product, neighbour=neighbour, defaults={"choice": choice, "decided_by_id": acting_user.pk}
    )
    own = LookAlike.objects.select_for_update().filter(product=product)
    if choice == added:
        # It stands beside what the last reading found.
        top = own.order_by("-weight").values("weight", "as_of", "known_at").first()
        LookAlike.objects.update_or_create(
            product=product, neighbour=neighbour, defaults=top or {"weight": 1.0}
        )
    else:
        own.filter(neighbour=neighbour).delete()
    total = own.aggregate(total=Sum("weight"))["total"] or 1.0
    rows = list(own)
    for row in rows:
        row.weight /= total
    LookAlike.objects.bulk_update(rows, ["weight"])


def look_alike_choice_undo(*, product: Product, neighbour: Product) -> None:
    """Take a choice back: the next reading decides again."""
    LookAlikeChoice.objects.filter(product=product, neighbour=neighbour).delete()


def _goods(until: date) -> tuple[npt.NDArray[Any], Goods]:
    """Ids (N,), and what is known of each product (prices in the home currency)."""
    import numpy as np
    import polars as pl

    from catalog.selectors import exchange_rates_frame, prices_latest
    from forecasting.core.launch.likeness import Goods

    rows = list(Product.objects.order_by("pk").values_list("pk", "sku", "name", "category_id", "attributes"))
    ids = np.array([row[0] for row in rows], dtype=np.int64)
    rates = exchange_rates_frame(quote=settings.FORESTOCK_HOME_CURRENCY, day=until)
    factor = {pk: rates.get(code) for pk, code in Location.objects.values_list("pk", "currency")}
    rate = pl.col("location_id").replace_strict(factor, default=None, return_dtype=pl.Float64)
    prices = (
        prices_latest(as_of=until)
        .filter(pl.col("product_id").is_in(ids.tolist()))
        .select("product_id", price=pl.col("price").cast(pl.Float64) * rate)
        .drop_nulls()
        .group_by("product_id")
        .agg(pl.col("price").mean())
    )
    price = np.full(len(rows), np.nan)
    price[np.searchsorted(ids, prices["product_id"].to_numpy())] = prices["price"].to_numpy()
    attributes = [dict(row[4] or {}) for row in rows]
    brands = [str(own.get("brand", "")) for own in attributes]
    codes = {brand: code for code, brand in enumerate(sorted(set(brands) - {""}))}
    goods = Goods(
        code=[row[1] for row in rows],
        title=[row[2] for row in rows],
        price=price,
        category=np.array([-1 if row[3] is None else row[3] for row in rows], dtype=np.int64),
        brand=np.array([codes.get(brand, -1) for brand in brands], dtype=np.int64),
        attributes=[
            frozenset(f"{name}={value}" for name, value in own.items() if name != "brand")
            for own in attributes
        ],
        picture=_vectors(ProductVector.Kind.IMAGE, ids),
        meaning=_vectors(ProductVector.Kind.TEXT, ids),
    )
    return ids, goods


def _vectors(kind: str, ids: npt.NDArray[Any]) -> npt.NDArray[Any] | None:
    """Unit vectors (N, D) of one model, the one that most products have; rows of NaN where there is none."""
    from collections import Counter

    import numpy as np

    stored = list(ProductVector.objects.filter(kind=kind).values_list("product_id", "model_id", "vector"))
    if not stored:
        return None
    model = Counter(row[1] for row in stored).most_common(1)[0][0]
    own = [(pk, np.frombuffer(bytes(vector), dtype="<f2")) for pk, name, vector in stored if name == model]
    result = np.full((len(ids), len(own[0][1])), np.nan, dtype=np.float32)
    known = set(ids.tolist())
    for pk, vector in own:
        if pk not in known:
            continue
        result[np.searchsorted(ids, pk)] = vector
    return result


def _weeks(run: SignalRun, until: date, ids: npt.NDArray[Any]) -> Weeks:
    import polars as pl

    from catalog.selectors import demand_panel
    from forecasting.core.launch.find import Weeks

    panel = demand_panel(as_of=until, known_at=run.known_at, freq="W", history_days=_HISTORY_DAYS)
    sales = (
        panel.group_by("product", "ds")
        .agg(pl.col("y").sum())
        .with_columns(pl.col("product").cast(pl.String).cast(pl.Int64))
        .filter(pl.col("product").is_in(ids.tolist()))
    )
    return Weeks.of(sales, ids)


def _targets(ids: npt.NDArray[Any], weeks: Weeks, run: SignalRun) -> npt.NDArray[Any]:
    """Places of the products that look-alikes are sought for; one that was recorded later is none."""
    import numpy as np
    import polars as pl

    from catalog.selectors import product_statuses, stock_on

    known = product_statuses(known_at=run.known_at)
    sold = weeks.first < weeks.units.shape[1]
    here = set(stock_on(as_of=run.as_of, known_at=run.known_at)["product_id"].to_list())
    here |= set(SupplyTerms.objects.values_list("product_id", flat=True).distinct())
    here |= set(ProductImage.objects.values_list("product_id", flat=True).distinct())
    planned = ~sold & np.isin(ids, list(here))
    told_new = known.filter(pl.col("status") == Product.Status.NEW.value)["product_id"]
    new = np.isin(ids, told_new.to_numpy()) | weeks.is_new(NEW_WEEKS) | planned
    bought = np.isin(ids, known.filter(~pl.col("is_gone"))["product_id"].to_numpy())
    return np.flatnonzero(new & bought)


def _choices() -> set[tuple[int, int, str]]:
    """(product, neighbour, choice) of all choices."""
    return set(LookAlikeChoice.objects.values_list("product_id", "neighbour_id", "choice"))


def _chosen(
    choices: set[tuple[int, int, str]], place: dict[int, int]
) -> tuple[dict[int, set[int]], dict[int, set[int]]]:
    """What was removed and what was added, by the products' places; products without a place are left out."""
    removed: dict[int, set[int]] = {}
    added: dict[int, set[int]] = {}
    for product, neighbour, choice in choices:
        if product in place and neighbour in place:
            where = removed if choice == LookAlikeChoice.Choice.REMOVED else added
            where.setdefault(place[product], set()).add(place[neighbour])
    return removed, added


def _chosen_meanwhile(made: list[LookAlike], choices: set[tuple[int, int, str]]) -> list[LookAlike]:
    """The rows after choices that were made while they were computed; weights still sum to 1."""
    own: dict[int, dict[int, LookAlike]] = {product: {} for product, _, _ in choices}
    for row in made:
        if row.product_id in own:
            own[row.product_id][row.neighbour_id] = row
    for product, neighbour, choice in sorted(choices):
        if choice == LookAlikeChoice.Choice.REMOVED:
            own[product].pop(neighbour, None)
        else:
            top = max((row.weight for row in own[product].values()), default=1.0)
            near = own[product].setdefault(neighbour, LookAlike(product_id=product, neighbour_id=neighbour))
            near.weight = top
    for rows in own.values():
        total = sum(row.weight for row in rows.values())
        for row in rows.values():
            row.weight /= total
    return [row for row in made if row.product_id not in own] + [
        row for rows in own.values() for row in rows.values()
    ]


def _rows(
    ids: npt.NDArray[Any],
    rows: npt.NDArray[Any],
    others: npt.NDArray[Any],
    index: npt.NDArray[Any],
    weight: npt.NDArray[Any],
    parts: npt.NDArray[Any],
    names: tuple[str, ...],
) -> list[LookAlike]:
    """The heaviest neighbours of each product, their weights scaled to sum to 1."""
    import numpy as np

    made = []
    for at, row in enumerate(rows):
        near = [(k, w) for k, w in zip(index[at], weight[at], strict=True) if w >= _LEAST_WEIGHT][:_SHOWN]
        total = sum(w for _, w in near)
        for k, w in near:
            alike = parts[:, at, k]
            made.append(
                LookAlike(
                    product_id=int(ids[row]),
                    neighbour_id=int(ids[others[k]]),
                    weight=float(w / total),
                    parts={
                        name: round(float(value), 3)
                        for name, value in zip(names, alike, strict=True)
                        if np.isfinite(value)
                    },
                )
            )
    return made
