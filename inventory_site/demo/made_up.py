"""The demo's signals, all made up and labelled so: reviews, photos, behaviour, indicators, new products.

They come in as a shop's own would: files through imports, photos and events through their services. The same
each time; what is there already is left alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import polars as pl

from catalog import selectors, services
from catalog.models import Category, ImportBatch, Job, Location, Product, ProductImage, ShopperEvent, Supplier
from catalog.tasks import import_run_task
from inventory_site.demo.drawings import CREDIT, picture_draw, shape_of
from inventory_site.demo.interest import WEEKS, behaviour_make, indicators_make
from inventory_site.demo.reviews import reviews_make
from inventory_site.demo.shop import Follow

REVIEWS, REVIEWED, PICTURED, MISPLACED = 2_000, 250, 240, 8
_CATEGORIES_SEARCHED = 12
_EVENTS = 600
SOURCE = "made up"

# New products: name, category's name (none: to be suggested), what it looks like, price in dollars.
NEW_PRODUCTS = (
    ("Oat Yogurt Vanilla, 5 oz", "Yogurt", "tub", 1.19),
    ("Ginger Lime Soda, 2 l", "Soft Drinks", "bottle", 1.79),
    ("Sprouted Rye Bread, 20 oz", "Baked Bread/Buns/Rolls", "bread", 3.49),
    ("Smoked Gouda Slices, 8 oz", "Cheese", "cheese", 3.99),
    ("Black Bean Chili Soup, 15 oz", "Soup", "can", 2.29),
    ("Honey Almond Flakes, 13 oz", "Cold Cereal", "box", 3.29),
    ("Sweet Potato Chips, 6 oz", "Bag Snacks", "bag", 2.99),
    ("Salmon Pate Cat Food, 5 oz", "Cat Food", "can", 0.89),
    ("Pizza/Premium Verdura Thin Crust, 14 oz", None, "pizza", 4.99),
    ("Dairy Case Juice Blood Orange, 64 oz", None, "carton", 2.49),
    ("Paper Towels Recycled, 2 ct", None, "roll", 2.19),
    ("Roasted Pepper Sauce, 24 oz", None, "jar", 2.79),
)


def signals_load(follow: Follow, folder: Path, *, say: Callable[[str], None]) -> None:
    """Everything, in the order in which it refers to one another."""
    folder.mkdir(parents=True, exist_ok=True)
    as_of = selectors.today()
    load = _Loader(follow, folder)
    products_new = _products_new()
    load("product", "New products", products_new.drop("price", "supplier", "unit_cost"))
    codes = list(Location.objects.order_by("code").values_list("code", flat=True))
    stores = pl.DataFrame({"location": codes})
    prices = products_new.select("sku", "price").join(stores, how="cross")
    load("price", "Their prices", prices.with_columns(day=pl.lit(as_of)))
    terms = products_new.select("sku", "supplier", "unit_cost").with_columns(
        currency=pl.lit("USD"), lead_time_days=pl.lit(9.0), is_assumed=pl.lit(True)
    )
    load("supply_terms", "Their terms", terms)
    panel = selectors.demand_panel(as_of=as_of, history_days=7 * WEEKS)
    behaviour, gaps = behaviour_make(panel.select("unique_id", "ds", "y"))
    none = (
        products_new.select("sku")
        .join(stores, how="cross")
        .with_columns(day=pl.lit(as_of), on_hand=pl.lit(0.0), is_assumed=pl.lit(value=True))
    )
    load("stock", "Stock", pl.concat([_with_codes(gaps), none], how="diagonal_relaxed"))
    best = _best_sold(panel)
    load("review", "Reviews", reviews_make(best[:REVIEWED], last=as_of, count=REVIEWS))
    load("behaviour", "Behaviour", _with_codes(behaviour))
    _indicators_load(load, panel)
    _events_take(best)
    count = pictures_draw(best[:PICTURED])
    if count:
        say(f"  drew {count:,} pictures of products")


class _Loader:
    """Loads a frame through a file import of its kind, once."""

    def __init__(self, follow: Follow, folder: Path) -> None:
        self.follow, self.folder = follow, folder

    def is_loaded(self, kind: str) -> bool:
        """Whether this kind was loaded, and stayed."""
        done = ImportBatch.objects.filter(kind=kind, state=Job.State.DONE, taken_back_at=None)
        return done.filter(file_name=self._name(kind)).exists()

    def __call__(self, kind: str, label: str, frame: pl.DataFrame) -> None:
        if frame.is_empty() or self.is_loaded(kind):
            return
        path = self.folder / self._name(kind)
        frame.write_parquet(path)
        batch = services.import_create(kind=kind, file=path, acting_user=None)
        self.follow(batch, partial(import_run_task.delay, batch.pk), label)

    def _name(self, kind: str) -> str:
        return f"made-up-{kind}.parquet"


def _products_new() -> pl.DataFrame:
    categories = dict(Category.objects.order_by("-pk").values_list("name", "code"))
    suppliers = list(Supplier.objects.filter(is_assumed=True).order_by("code").values_list("code", flat=True))
    rows = [
        {
            "sku": f"NEW-{number:02}",
            "name": f"{name} (made up)",
            "category": categories.get(category) if category else None,
            "status": "new",
            "attribute:brand": "Made Up",
            "price": price,
            "supplier": suppliers[number % len(suppliers)],
            "unit_cost": round(0.7 * price, 2),
        }
        for number, (name, category, _shape, price) in enumerate(NEW_PRODUCTS, 1)
        if suppliers
    ]
    return pl.DataFrame(rows, schema_overrides={"category": pl.String})


def _best_sold(panel: pl.DataFrame) -> list[str]:
    """SKUs, the best sold first."""
    product_ids, _locations = selectors.unique_id_split(panel["unique_id"].to_list())
    sold = pl.DataFrame({"product": product_ids, "y": panel["y"]}).group_by("product").agg(pl.col("y").sum())
    skus = dict(Product.objects.values_list("pk", "sku"))
    return [skus[pk] for pk in sold.sort("y", "product", descending=[True, False])["product"]]


def _with_codes(frame: pl.DataFrame) -> pl.DataFrame:
    """With SKU and location in place of `unique_id`."""
    ids = frame["unique_id"].unique().sort()
    products, locations = selectors.unique_id_split(ids.to_list())
    skus, codes = (
        dict(model.objects.values_list("pk", key)) for model, key in ((Product, "sku"), (Location, "code"))
    )
    names = pl.DataFrame(
        {"unique_id": ids, "sku": [skus[pk] for pk in products], "location": [codes[pk] for pk in locations]}
    )
    return frame.join(names, on="unique_id").drop("unique_id").with_columns(is_assumed=pl.lit(True))


def _indicators_load(load: _Loader, year: pl.DataFrame) -> None:
    described = pl.DataFrame(
        {
            "code": ["SEARCH", "NOISE"],
            "name": ["Search interest by category (made up)", "Nothing but noise (made up)"],
            "unit": ["index", "index"],
            "publication_lag_days": [1, 1],
            "is_assumed": [True, True],
        }
    )
    load("indicator", "Indicators", described)
    codes = {str(pk): code for pk, code in Category.objects.values_list("pk", "code")}
    sales = (
        year.select(pl.col("category").cast(pl.String), day=pl.col("ds"), units=pl.col("y"))
        .filter(pl.col("category").is_in(list(codes)))
        .group_by("category", "day")
        .agg(pl.col("units").sum())
        .with_columns(pl.col("category").replace_strict(codes, return_dtype=pl.String))
    )
    largest = sales.group_by("category").agg(pl.col("units").sum()).sort("units", "category", descending=True)
    sales = sales.join(largest.head(_CATEGORIES_SEARCHED), on="category", how="semi")
    load("indicator_value", "Their values", indicators_make(sales))


def _events_take(skus: list[str]) -> None:
    """Some single events of the last day, as a shop's own pages would send them."""
    if ShopperEvent.objects.filter(source=SOURCE).exists():
        return
    as_of = selectors.today()
    kinds = ("view",) * 14 + ("search",) * 3 + ("cart",) * 2 + ("wishlist",)
    codes = list(Location.objects.order_by("code").values_list("code", flat=True))
    noon = datetime(as_of.year, as_of.month, as_of.day, 18, tzinfo=UTC)
    events = []
    for number in range(_EVENTS):
        draw = hashlib.sha256(f"event {number}".encode()).digest()
        events.append(
            services.Event(
                source=SOURCE,
                number=str(number),
                kind=kinds[draw[0] % len(kinds)],
                sku=skus[draw[1] % min(len(skus), 60)],
                location=codes[draw[2] % len(codes)],
                occurred_at=noon + timedelta(minutes=draw[3]),
            )
        )
    taken = services.events_record(events=events)
    services.behaviour_roll_up_days(days=taken.days)


def pictures_draw(skus: list[str]) -> int:
    """Draw products whose category has a drawing, some as another category's; how many are new."""
    shown = set(ProductImage.objects.filter(credit=CREDIT).values_list("product_id", flat=True))
    new = {
        f"NEW-{number:02}": shape for number, (_name, _category, shape, _price) in enumerate(NEW_PRODUCTS, 1)
    }
    products = Product.objects.select_related("category").filter(sku__in=[*skus, *new])
    count = drawn = 0
    for product in products.order_by("sku"):
        shape = new.get(product.sku) or shape_of(product.category.name if product.category else "")
        if shape is None:
            continue
        drawn += 1
        if product.sku not in new and drawn % (PICTURED // MISPLACED) == 0:
            # Somebody took the wrong photo: what looks unlike it.
            shape = "pizza" if shape != "pizza" else "roll"
        if product.pk in shown:
            continue
        services.picture_add(
            product=product, data=picture_draw(shape, product.sku), credit=CREDIT, is_assumed=True
        )
        count += 1
    return count
