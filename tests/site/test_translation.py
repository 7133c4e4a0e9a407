"""The Chinese of the site: whole, up to date, and no English left on its pages (docs/translating.md)."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from babel.messages import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.conf import settings as site_settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from catalog import services as catalog_services
from catalog.models import ImportBatch, Product, SalesRecord
from forecasting.models import AccuracySnapshot, ForecastRun
from replenishment.models import (
    BulkAct,
    PlanRun,
    PurchaseOrder,
    ReplayRun,
    Suggestion,
    SuggestionChange,
)
from replenishment.services import Passed
from replenishment.words import ACT_STEPS, POLICIES, REPLAY_STEPS
from tests.cast import make_location, make_product, make_terms
from tests.replenishment.replay_world import make_replay
from tests.replenishment.world import (
    AS_OF,
    make_forecast,
    make_order,
    make_stock,
    make_suggestion,
    run_plan,
)
from tests.site.api_world import add_edit_score

ROOT = Path(__file__).parents[2]
PO = ROOT / "inventory_site" / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
APPS = ("catalog", "forecasting", "replenishment", "inventory_site", "templates")
CHINESE = {"accept-language": "zh-hans"}

# What Chinese writes in Latin letters too: codes, measures, formats, units, names.
LATIN = {
    *("JPEG", "PNG", "WebP", "GIF", "ZIP"),
    *("SKU", "GTIN", "ABC", "XYZ", "Wagner", "Whitin", "API", "ISO", "MB", "MiB"),
    *("WAPE", "RMSSE", "MSE", "LightGBM", "Croston", "SBA", "TSB", "ETS"),
    *("CSV", "TSV", "UTF", "Excel", "xlsx", "Parquet", "SHA", "YYYY", "MM", "DD"),
    *("Forestock", "English", "UCI", "Online", "Retail"),
    *("Enter", "Shift", "Ctrl", "Esc"),
}
# What the tests' own data says, and keys, addresses and columns that are quoted as they are.
DATA = re.compile(
    r"\S+@\S+|https?://\S+|(Product|Supplier|Location|Category) \d+|(SKU|SUP|LOC|CAT)-\d+|PO-?\d[\w-]*"
    r"|USD|EUR|US\$|nothing-like-it|\b(superuser|buyer|approver|supplier-partner|testserver)\b"
)
# The admin: names that its libraries do not let translate, a key of the keyboard, codes as they are stored.
ADMIN = re.compile(r"\b(Auth tokens|esc|ID|en|zh-hans|sales|f\.csv|US)\b")
# The pages of imports quote the file, its columns and its wrong values, too.
QUOTED = re.compile(r"\bf\.csv\b|\b(sku|location|day|quantity|revenue|error|bogus|soon)\b")
PLACEHOLDER = re.compile(r"%\(\w+\)[#0-9.+-]*[a-zA-Z]|%[-#0-9.+]*[a-zA-Z%]|\{\w*\}")


def messages_of(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale="zh_Hans")


def texts_of(message: Message) -> list[str]:
    texts = message.string if isinstance(message.string, (list, tuple)) else [message.string]
    return [text or "" for text in texts]


def key_of(message: Message) -> tuple[str | None, Any]:
    return message.context, message.id


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of locales with the .po of now: what `make` compiled may be older."""
    folder = tmp_path_factory.mktemp("locale")
    target = folder / "zh_Hans" / "LC_MESSAGES" / "django.mo"
    target.parent.mkdir(parents=True)
    with target.open("wb") as file:
        write_mo(file, messages_of(PO))
    return folder


@pytest.fixture
def chinese(compiled: Path, settings: Any) -> Client:
    """A browser that asks for Chinese."""
    settings.LOCALE_PATHS = [compiled]
    return Client(headers=CHINESE)


# -- the catalog ----------------------------------------------------------------------------------


def test_it_has_a_translation_of_every_message() -> None:
    catalog = messages_of(PO)
    messages = [message for message in catalog if message.id]
    assert len(messages) > 900
    assert [key_of(m) for m in messages if not all(texts_of(m)) or m.fuzzy] == []
    assert not catalog.obsolete


def test_it_marks_messages_by_names_that_are_looked_for() -> None:
    """xgettext finds a message by the name of the function around it: `_`, or the function's own."""
    aliases = []
    for app in APPS:
        for path in (ROOT / app).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation":
                    aliases += [
                        (str(path), name.asname) for name in node.names if name.asname not in (None, "_")
                    ]
    assert aliases == []


def test_it_keeps_the_placeholders() -> None:
    # In Chinese one form serves for every number: that of the plural.
    pairs = [
        (message.id[-1] if isinstance(message.id, (list, tuple)) else message.id, text)
        for message in messages_of(PO)
        for text in texts_of(message)
        if message.id
    ]
    wrong = [pair for pair in pairs if len({str(sorted(PLACEHOLDER.findall(text))) for text in pair}) > 1]
    assert wrong == []


def test_it_keeps_the_ends_of_messages() -> None:
    """White space at an end, and a full stop, are kept: sentences are joined as they are."""
    wrong = []
    for message in messages_of(PO):
        # A message with a context is a mark of punctuation: Chinese has its own, without a space.
        if not message.id or message.context or isinstance(message.id, (list, tuple)):
            continue
        [text] = texts_of(message)
        same_space = (message.id[:1].isspace(), message.id[-1:].isspace()) == (
            text[:1].isspace(),
            text[-1:].isspace(),
        )
        if not same_space or (re.search(r"[^.]\.$", message.id) and text[-1] != "。"):
            wrong.append((message.id, text))
    assert wrong == []


def test_it_has_every_message_of_the_code_and_no_other(tmp_path: Path) -> None:
    if shutil.which("xgettext") is None:
        pytest.skip("xgettext is not installed (Debian: gettext)")
    for app in APPS:
        shutil.copytree(
            ROOT / app, tmp_path / app, ignore=shutil.ignore_patterns("static", "locale", "__pycache__")
        )
    (tmp_path / "locale").mkdir()
    # Without settings, Django writes to the folder `locale` where it stands.
    environment = {name: text for name, text in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    subprocess.run(
        [sys.executable, "-m", "django", "makemessages", "-l", "zh_Hans", "--no-location"],
        cwd=tmp_path,
        env=environment,
        check=True,
        capture_output=True,
    )
    found = {key_of(m) for m in messages_of(tmp_path / "locale/zh_Hans/LC_MESSAGES/django.po") if m.id}
    kept = {key_of(m) for m in messages_of(PO) if m.id}
    assert sorted(map(str, found - kept)) == []
    assert sorted(map(str, kept - found)) == []


# -- the pages ------------------------------------------------------------------------------------


class Visible(HTMLParser):
    """The texts of a page that a person reads or hears; code and quoted data are left out."""

    SILENT = frozenset({"script", "style", "code", "blockquote"})
    SPOKEN = frozenset({"title", "aria-label", "placeholder", "alt", "data-label", "data-failed"})
    VOID = frozenset({"meta", "link", "input", "br", "img", "hr", "path", "rect", "circle"})

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._silent = 0
        self._open: list[bool] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.texts += [value for name, value in attrs if name in self.SPOKEN and value]
        if tag == "input" and ("type", "submit") in attrs:
            self.texts.append(dict(attrs).get("value") or "")
        if tag not in self.VOID:
            classes = {*(dict(attrs).get("class") or "").split()}
            # The admin's icons are words that its font draws as pictures.
            silent = tag in self.SILENT or not classes.isdisjoint({"code", "material-symbols-outlined"})
            self._open.append(silent)
            self._silent += silent

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID and self._open:
            self._silent -= self._open.pop()

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip():
            self.texts.append(" ".join(data.split()))


def english_in(texts: list[str]) -> list[str]:
    """Texts with a word of two Latin letters or more that is neither data nor on the list."""
    return [
        text
        for text in texts
        if any(word not in LATIN for word in re.findall(r"[A-Za-z]{2,}", DATA.sub(" ", text)))
    ]


def english_on(page: str) -> list[str]:
    visible = Visible()
    visible.feed(page)
    # A part of a page may have nothing to say; a whole page always has.
    if "<html" in page or visible.texts:
        assert any("\u4e00" <= sign <= "\u9fff" for text in visible.texts for sign in text), page[:500]
    return english_in(visible.texts)


def pages_without_parameters() -> list[str]:
    """Every address of the site's own pages that needs nothing but its name."""
    found: list[str] = []

    def walk(patterns: list[Any], prefix: str) -> None:
        for pattern in patterns:
            address = prefix + str(pattern.pattern)
            if address.startswith(("admin/", "api/", "i18n/")) or "<" in address:
                continue
            if isinstance(pattern, URLResolver):
                walk(pattern.url_patterns, address)
            elif isinstance(pattern, URLPattern):
                found.append("/" + address)

    walk(get_resolver().url_patterns, "")
    return found


def crawl(client: Client, addresses: list[str], *, status: tuple[int, ...] = (200,)) -> dict[str, list[str]]:
    """English left on these pages, by address."""
    left = {}
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code in status, (address, answer.status_code)
        if answer.status_code != 200 and not answer.content:
            continue
        texts = english_on(answer.content.decode())
        if address.startswith("/imports/"):
            texts = english_in([QUOTED.sub(" ", text) for text in texts])
        if texts:
            left[address] = texts
    return left


def orders_make(by: User) -> list[PurchaseOrder]:
    """An order in each state, one of which is late and one in a foreign currency."""
    orders = [make_order(by, state=state) for state in PurchaseOrder.State.values]
    orders.append(make_order(by, terms_values={"currency": "EUR"}))
    PurchaseOrder.objects.filter(state="sent").update(expected_on=AS_OF)
    return orders


def scores_make(run: ForecastRun) -> None:
    AccuracySnapshot.objects.bulk_create(
        AccuracySnapshot(
            run=run,
            model=model,
            segment=segment,
            as_of=run.as_of,
            frequency="W",
            horizon=13,
            series=3,
            is_champion=model == "linear",
            scores={"wape": 0.5, "bias": 0.1},
        )
        for model in ("seasonal_naive", "moving_average", "linear", "lightgbm", "champion")
        for segment in ("overall", "smooth", "lumpy")
    )


def suggestions_make() -> list[Suggestion]:
    """A planned suggestion with its forecast, and one for every reason that there is."""
    from inventory_site.templatetags.replenishment_words import _EXCEPTIONS, _REASONS

    product, location = make_product(), make_location()
    make_terms(product=product, is_assumed=True, moq=50, order_multiple=12)
    make_stock(product, location, 30, is_assumed=True)
    SalesRecord.objects.bulk_create(
        SalesRecord(product=product, location=location, day=AS_OF - timedelta(days=7 * week), quantity=70)
        for week in range(52)
    )
    planned: Suggestion = run_plan(make_forecast({(product, location): 70.0})).suggestions.get()
    plan = planned.plan_run
    scores_make(plan.forecast_run)
    reasons = [*_REASONS, *(f"exception: {text}" for text in [*_EXCEPTIONS, "no exchange rate for EUR"])]
    rest = [make_suggestion(plan, reason=reason, margin_at_risk=5.0) for reason in reasons]
    for pattern, suggestion in zip(("smooth", "erratic", "intermittent", "lumpy"), rest, strict=False):
        Suggestion.objects.filter(pk=suggestion.pk).update(pattern=pattern, abc="A")
    Suggestion.objects.filter(pk=rest[0].pk).update(state="rejected")
    return [planned, *rest]


def runs_make() -> list[ForecastRun]:
    done = make_forecast({})
    done.report = {
        "stages": {name: {"seconds": 1.5, "peak_mib": 10} for name in ("read", "fit", "store")},
        "warnings": ["history is too short for 4 folds: 2 used"],
    }
    done.save()
    scores_make(done)
    make = ForecastRun.objects.create
    base = {"as_of": AS_OF, "known_at": timezone.now(), "spec": {"freq": "D", "horizon": 7}}
    return [
        done,
        make(**base, state="queued"),
        make(**base, state="running", step="fit", progress=0.5, attempts=2, started_at=timezone.now()),
        make(**base, state="failed", error="Interrupted.", finished_at=timezone.now()),
    ]


def replays_make() -> list[ReplayRun]:
    """A replay in each state, one with every policy and every reason to leave an item out."""
    from inventory_site.templatetags.replenishment_words import _EXCEPTIONS, _NOT_BOUGHT

    skipped = dict.fromkeys([*_EXCEPTIONS, *_NOT_BOUGHT, "no exchange rate for USD"], 2)
    report = {
        "backcasts": ["2024-01-14"],
        "runs": [[1, "2024-01-21"]],
        "opening_assumed": 3,
        "skipped": skipped,
    }
    return [
        make_replay(*POLICIES, report=report),
        make_replay(*POLICIES, compared=True),
        make_replay("minmax"),
        *(
            ReplayRun.objects.create(
                state="running",
                first_day=AS_OF,
                last_day=AS_OF,
                step=step,
                progress=0.5,
                attempts=2,
                started_at=timezone.now(),
            )
            for step in REPLAY_STEPS
        ),
        ReplayRun.objects.create(state="queued", first_day=AS_OF, last_day=AS_OF),
        ReplayRun.objects.create(state="failed", first_day=AS_OF, last_day=AS_OF, error="Interrupted."),
    ]


def acts_make(by: User) -> list[BulkAct]:
    """An act of each kind that is done, with every reason to pass a row over; one in each step and state."""
    plan = PlanRun.objects.latest("pk")
    passed = dict.fromkeys(Passed.values, 2)
    change = SuggestionChange.objects.create(plan_run=plan, kind="scale", actor=by, lines_count=3)
    report = {"changed": 3, "passed_over": passed, "value_before": 1.0, "value_after": 2.0}
    kept: dict[str, Any] = {"plan_run": plan, "created_by": by, "rows_count": 5}
    make = BulkAct.objects.create
    return [
        *(
            make(
                **kept,
                kind=kind,
                state="done",
                change=change,
                undoes=change if kind in {"undo", "redo"} else None,
                report=report | {"orders": 2, "numbers": ["PO-000001"]},
            )
            for kind in BulkAct.Kind.values
        ),
        *(make(**kept, kind="scale", state="running", step=step, progress=0.5) for step in ACT_STEPS),
        make(**kept, kind="scale", state="queued"),
        make(
            **kept,
            kind="scale",
            state="failed",
            error="Interrupted.",
        ),
    ]


def imports_make(client: Client) -> list[ImportBatch]:
    """A draft to be looked at, one that failed on its rows, and one that is taken back, by the pages."""
    product, location = make_product(), make_location()
    head = "sku,location,day,quantity,revenue\n"
    good = f"{head}{product.sku},{location.code},2024-03-01,3,9\n"
    bad = f"{head}bogus,{location.code},soon,-x,9\n{product.sku},{location.code},2999-01-01,3,\n"
    made = []
    for text, run in ((good, False), (bad, True), (good, True)):
        file = SimpleUploadedFile("f.csv", text.encode())
        answer = client.post(reverse("catalog:import-upload"), {"kind": "sales", "file": file})
        assert answer.status_code == 302
        batch = ImportBatch.objects.latest("pk")
        if run:
            batch.options |= {"draft": False, "language": "zh-hans"}
            batch.save()
            catalog_services.import_run(batch_id=batch.pk)
        made.append(batch)
    made[-1].refresh_from_db()
    assert made[-1].state == "done"
    catalog_services.batch_take_back(batch=made[-1], acting_user=User.objects.get(username="superuser"))
    return made


@pytest.mark.django_db
def test_it_shows_no_english_where_there_is_nothing_yet(chinese: Client, superuser: User) -> None:
    addresses = pages_without_parameters()
    assert {"/", "/workbench/", "/orders/", "/forecasts/", "/imports/", "/accounts/login/"} <= {*addresses}
    # Before the log-in, most send to it; what only takes a POST answers 405.
    assert crawl(chinese, addresses, status=(200, 302, 405)) == {}
    chinese.force_login(superuser)
    assert crawl(chinese, addresses, status=(200, 302, 405)) == {}


@pytest.mark.django_db
def test_it_shows_no_english_on_the_pages_of_a_working_shop(
    chinese: Client, superuser: User, buyer: User, approver: User
) -> None:
    chinese.force_login(superuser)
    batches = imports_make(chinese)
    runs = runs_make()
    suggestions = suggestions_make()
    orders = orders_make(buyer)
    replays = replays_make()
    acts = acts_make(buyer)
    for suggestion in suggestions[:3]:
        add_edit_score(suggestion)
    places = [[s.product_id, s.location_id] for s in suggestions]
    addresses = [
        *pages_without_parameters(),
        *(
            f"/workbench/?state={state}"
            for state in ("order", "waiting", "drafted", "rejected", "exception", "all")
        ),
        "/workbench/?q=nothing-like-it",
        "/orders/?state=all",
        "/scoreboard/?outcome=worse",
        "/scoreboard/?reason=&category=",
        *(reverse("replenishment:suggestion-explain", args=[s.pk]) for s in suggestions),
        *(reverse("replenishment:sku", args=place) for place in places[:6]),
        *(
            reverse(f"replenishment:sku-{part}", args=place)
            for part in ("numbers", "projected", "suppliers", "what-if", "changes")
            for place in places[:3]
        ),
        *(reverse("replenishment:order-detail", args=[order.pk]) for order in orders),
        *(reverse("forecasting:run-detail", args=[run.pk]) for run in runs),
        *(reverse("replenishment:replay-detail", args=[run.pk]) for run in replays),
        *(reverse("replenishment:bulk-act", args=[job.pk]) for job in acts),
        *(reverse("replenishment:bulk-act-progress", args=[job.pk]) for job in acts),
        f"{reverse('replenishment:bulk-act-progress', args=[acts[-2].pk])}?whole=1",
        *(reverse("catalog:import-detail", args=[batch.pk]) for batch in batches[1:]),
        reverse("catalog:import-preview", args=[batches[0].pk]),
    ]
    assert crawl(chinese, addresses, status=(200, 302, 405)) == {}
    for user in (buyer, approver):
        chinese.force_login(user)
        assert (
            crawl(chinese, ["/", *(reverse("replenishment:order-detail", args=[o.pk]) for o in orders)]) == {}
        )


def words_of(part: Any) -> list[str]:
    """Labels and tooltips anywhere in Bokeh's JSON; those of the column "tip", lines of text, among them."""
    if isinstance(part, list) and len(part) == 2 and part[0] == "tip":
        return [line for text in part[1] for line in text.split("\n")]
    if isinstance(part, list):
        return [word for value in part for word in words_of(value)]
    if not isinstance(part, dict):
        return []
    attributes = part.get("attributes", {})
    said = [str(attributes[key]) for key in ("text", "axis_label") if attributes.get(key)]
    tooltips = attributes.get("tooltips") or []
    said += [label for label, _what in tooltips] if isinstance(tooltips, list) else []
    return said + [word for value in part.values() for word in words_of(value)]


@pytest.mark.django_db
def test_it_draws_charts_without_english(chinese: Client, superuser: User) -> None:
    chinese.force_login(superuser)
    [planned, *_rest] = suggestions_make()
    addresses = [
        reverse("replenishment:sku-chart", args=[planned.product_id, planned.location_id]),
        reverse("replenishment:plan-purchases-chart", args=[planned.plan_run_id]),
    ]
    replay = make_replay(*POLICIES, compared=True)
    addresses += [
        reverse("replenishment:replay-chart", args=[replay.pk, name])
        for name in ("costs", "frontier", "stock", "service")
    ]
    for name in addresses:
        answer = chinese.get(name, {"theme": "light"})
        said = words_of(json.loads(answer.content))
        assert said, name
        assert english_in(said) == []


@pytest.mark.django_db
def test_it_answers_slips_and_refusals_in_chinese(
    chinese: Client, superuser: User, partner_of_supplier: User
) -> None:
    chinese.force_login(superuser)
    missing = chinese.get("/orders/999999/")
    assert (missing.status_code, english_on(missing.content.decode())) == (404, [])
    chinese.force_login(partner_of_supplier)
    refused = chinese.get("/workbench/")
    assert (refused.status_code, english_on(refused.content.decode())) == (403, [])
    chinese.logout()
    wrong = chinese.post("/accounts/login/", {"username": "who", "password": "not-this-one"})
    assert english_on(wrong.content.decode()) == []
    chinese.post("/accounts/password_reset/", {"email": superuser.email})
    [letter] = mail.outbox
    assert english_in([str(letter.subject), *letter.body.splitlines()]) == []


@pytest.mark.django_db
def test_it_has_an_admin_without_english(chinese: Client, superuser: User) -> None:
    chinese.force_login(superuser)
    imports_make(chinese)
    orders_make(superuser)
    suggestions_make()
    lists = {
        model: reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist")
        for model in admin.site._registry
    }
    ours = [address for model, address in lists.items() if model._meta.app_label in APPS]
    left = crawl(chinese, ["/admin/", *ours])
    texts = {address: english_in([ADMIN.sub(" ", text) for text in texts]) for address, texts in left.items()}

    assert {address: found for address, found in texts.items() if found} == {}


@pytest.mark.django_db
def test_it_words_the_errors_of_orders_in_chinese(chinese: Client, buyer: User) -> None:
    chinese.force_login(buyer)
    order = make_order(buyer)
    address = reverse("replenishment:order-act", args=[order.pk, "send"])
    page = chinese.post(address, follow=True).content.decode()
    assert english_on(page) == []


def test_it_finds_the_english_that_the_other_tests_look_for() -> None:
    page = '<p>库存 Stock</p><p title="Late">SKU-7 Product 7</p><code>quoted</code><p>SKU, WAPE, P50</p>'
    assert english_on(page) == ["库存 Stock", "Late"]


def test_it_offers_the_languages_that_it_has() -> None:
    assert [code for code, _name in site_settings.LANGUAGES] == ["en", "zh-hans"]
    assert Product._meta.verbose_name
