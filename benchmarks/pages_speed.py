"""Every page of a large shop on PostgreSQL: queries, server time, bytes; alone, and with 20 people clicking.

    python -m benchmarks.pages_speed [--items 100000] [--open 50000] [--users 20] [--seconds 60]
                                     [--folder FOLDER] [--pages PART]

PostgreSQL comes from the wheel, filled by `benchmarks.plan_stored` (catalog, forecast, one plan) and
`benchmarks.pages_speed_data` (the past). `--folder` keeps the database for the next time. Addresses come from
the URL confs: a list or page that has none here, and is not named as left out, stops the script.

Alone: the Django test client in one process, the first request, then the median and the slowest of five, and
the median of the process's own processor time (without the database), which a busy machine changes least.
Under load: gunicorn with 4 workers as in docs/running.md, and so many users who each ask for a random page,
half of them of the workbench, and wait two seconds between clicks; times are seen by the user over loopback,
queueing included. Each worker is warm: what a process does once (imports, compiled templates, a plan's items)
is not counted. The what-if of a whole shop (20,000 product-locations stand for it) is measured alone only.
Bytes are of the page compressed with gzip, without its chart library.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

PORT, WORKERS, PAUSE, TURNS, WARM = 8765, 4, 2.0, 5, 4
# What reckons with a whole shop: no list, no drawer.
ALONE = {"what-if", "what-if, other target"}
MEDIAN, LATE, QUICK, BYTES = 300.0, 600.0, 150.0, 500_000
# Pages that are no list and no drawer of a large shop: forms, exports, charts, progress of jobs, sign-in.
LEFT_OUT = [
    "-new",
    "-add",
    "-start",
    "-upload",
    "-template",
    "-progress",
    "-chart",
    "-export",
    "-form",
    "-preview",
    "-discard",
    "-rejected",
    "-change",
    "-delete",
    "-drafts",
    "-decide",
    "-take-back",
    "-withdraw",
    "-create",
    "-act",
    "-receive",
    "-set",
    "-remove",
    "-reject",
    "-reopen",
    "-password_change",
    "-password_reset",
    "set_language",
    "-logout",
    "-login",
    "-fix",
    "-paste",
    "-undo",
    "-snooze",
    "-wake",
    "-supplier",
    "-bulk",
    "-part",
    "-kind",
    "-files",
    "-digest",
    "-save",
    "-retry",
    "-stop",
    "-templates",
    "favicon",
]


def main() -> None:
    """Start a server, fill it where it is empty, and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--open", type=int, default=50_000, help="open suggestions that order something")
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--folder", type=Path, help="keeps the database, and uses the one that is there")
    parser.add_argument("--pages", default="", help="only pages whose name holds this")
    parser.add_argument("--inside", choices=("past", "measure"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        from benchmarks.plan_stored import django_up

        django_up()
        if arguments.inside == "measure":
            measured(arguments)
            return
        from benchmarks.pages_speed_data import past_made

        past_made(arguments.open)
        return
    from tests.servers import postgres

    with postgres(arguments.folder) as url:
        environment = os.environ | {
            "DATABASE_URL": url,
            "OMP_WAIT_POLICY": "PASSIVE",
            "FORESTOCK_TODAY": "last-data-date",
            "DJANGO_SETTINGS_MODULE": "tests.settings",
        }
        fill = [sys.executable, "-m", "benchmarks.plan_stored", "--items", str(arguments.items), "--inside"]
        own = [sys.executable, "-m", "benchmarks.pages_speed", *sys.argv[1:], "--inside"]
        mark = arguments.folder / "filled" if arguments.folder else None
        if mark is None or not mark.exists():
            for command in ([*fill, "fill"], [*fill, "plan"], [*own, "past"]):
                subprocess.run(command, env=environment, check=True)
            if mark:
                mark.touch()
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"], env=environment, check=True
        )
        subprocess.run([*own, "measure"], env=environment, check=True)


def addresses() -> dict[str, str]:
    """Name to address of every page that lists or shows rows, with the workbench's tabs and sorts."""
    from django.urls import reverse

    from inventory_site.api.urls import router
    from replenishment.models import ExceptionCase, PlanRun, PurchaseOrder, ReplayRun, Suggestion
    from replenishment.selectors.suggestions import SORTS, TABS
    from replenishment.views.columns import COLUMNS

    plan = PlanRun.objects.latest("pk")
    row = Suggestion.objects.filter(plan_run=plan, order_quantity__gt=0, state="open").order_by("pk")[1000]
    series = {"product_id": row.product_id, "location_id": row.location_id}
    work = reverse("replenishment:workbench")
    found = {
        "workbench": work,
        **{f"workbench tab {tab}": f"{work}?state={tab}" for tab in (*TABS, "transfers")},
        **{f"workbench sort {sort}": f"{work}?sort={sort}" for sort in SORTS},
        "workbench sort -value": f"{work}?sort=-value",
        "workbench page 500": f"{work}?page=500",
        "workbench search sku": f"{work}?q=sku001234",
        "workbench search word": f"{work}?q=teapot",
        "workbench search words": f"{work}?q=ceramic+cup",
        "workbench supplier": f"{work}?supplier={row.supplier_id}",
        "workbench location": f"{work}?location={row.location_id}",
        "workbench AX": f"{work}?abc=A&xyz=X",
        "workbench all columns": f"{work}?cols={','.join(column.key for column in COLUMNS)}",
        "workbench cover below 5": f"{work}?cover=5",
        "workbench -change of all": f"{work}?state=all&sort=-change",
        "what-if, other target": reverse("replenishment:what-if") + "?target=0.98",
        "exceptions page 50": reverse("replenishment:exception-list") + "?page=50",
        "orders draft": reverse("replenishment:order-list") + "?state=draft",
        "orders closed page 50": reverse("replenishment:order-list") + "?state=closed&page=50",
        "orders search": reverse("replenishment:order-list") + "?q=S01",
        "alarms page 100": reverse("forecasting:alarm-list") + "?page=100",
        "actions page 50": reverse("replenishment:action-list") + "?page=50",
        "imports page 150": reverse("catalog:import-list") + "?page=150",
        "order of 500 lines": reverse(
            "replenishment:order-detail", args=[PurchaseOrder.objects.get(number="LONG").pk]
        ),
    }
    arguments: dict[str, dict[str, Any]] = {
        "plan-detail": {"pk": plan.pk},
        "suggestion-explain": {"pk": row.pk},
        "suggestion-choices": {"pk": row.pk},
        "suggestion-menu": {"pk": row.pk},
        "exception-detail": {"pk": ExceptionCase.objects.latest("pk").pk},
        "order-print": {"pk": PurchaseOrder.objects.latest("pk").pk - 1},
        **{f"sku-{part}": series for part in ("numbers", "what-if", "suppliers", "changes")},
        "sku": series,
        "sku-projected": series,
        "explanation": series,
        "override-panel": series,
        "order-detail": {"pk": PurchaseOrder.objects.latest("pk").pk - 1},
        "replay-detail": {"pk": ReplayRun.objects.latest("pk").pk},
        "run-detail": {"pk": plan.forecast_run_id},
        "import-detail": {"pk": 100},
    }
    for app in ("replenishment", "forecasting", "catalog"):
        urls = __import__(f"{app}.urls", fromlist=["urlpatterns"])
        for pattern in urls.urlpatterns:
            name = pattern.name
            if any(f"-{name}".endswith(part) for part in (*LEFT_OUT, "suggestion-edit")):
                continue
            if pattern.pattern.converters and name not in arguments:
                print(f"{name}: no address here, not measured")
                continue
            found.setdefault(name, reverse(f"{app}:{name}", kwargs=arguments.get(name)))
    found["jobs"] = reverse("jobs")
    for name, _view, _base in router.registry:
        found[f"API {name}"] = f"/api/v1/{name}/?page_size=100"
    found |= {f"admin {key}": address for key, address in _admin().items()}
    return found


def _admin() -> dict[str, str]:
    from django.contrib import admin
    from django.urls import reverse

    ours = ("catalog", "forecasting", "replenishment", "auth")
    lists = {}
    for model in admin.site._registry:
        if model._meta.app_label in ours:
            name = f"{model._meta.app_label}_{model._meta.model_name}"
            lists[str(model._meta.model_name)] = reverse(f"admin:{name}_changelist")
    return {"index": reverse("admin:index"), **lists}


def measured(arguments: argparse.Namespace) -> None:
    """Each page alone, then all of them with people clicking."""
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.test import Client

    from benchmarks.pages_speed_data import accuracy_kept

    settings.REST_FRAMEWORK["DEFAULT_THROTTLE_CLASSES"] = []
    accuracy_kept()
    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.get(username="boss"))
    pages = {name: url for name, url in addresses().items() if arguments.pages in name}
    if not arguments.pages or arguments.pages in "deep":
        pages |= _deep(client, pages)
    heads = ("queries", "first", "p50 ms", "max ms", "cpu ms", "KB")
    print(f"{'page':32}" + "".join(f"{head:>8}" for head in heads), flush=True)
    late = []
    for name, url in pages.items():
        if not _alone(name, lambda url=url: client.get(url)):  # type: ignore[misc]
            late.append(name)
    late += [name for name, act in _edits(client).items() if not _alone(name, act, QUICK, QUICK)]
    print("over the limits alone:", ", ".join(late) or "none")
    if arguments.seconds:
        _crowd(arguments, pages, client.cookies[settings.SESSION_COOKIE_NAME].value)


def _deep(client: Any, pages: dict[str, str]) -> dict[str, str]:
    """The 20th page of each API list."""
    found = {}
    for name, url in pages.items():
        if name.startswith("API "):
            for _page in range(19):
                answer = client.get(url)
                following = answer.json().get("next") if answer.status_code == 200 else None
                if following is None:
                    break
                url = following.split("localhost", 1)[1]
            else:
                found[f"{name}, page 20"] = url
    return found


def _edits(client: Any) -> dict[str, Callable[[], Any]]:
    """Setting a quantity, and the drawer."""
    from django.urls import reverse

    from replenishment.models import PlanRun, Suggestion

    plan = PlanRun.objects.latest("pk")
    row = Suggestion.objects.filter(plan_run=plan, order_quantity__gt=0, state="open").order_by("pk")[2000]
    edit, drawer = (
        reverse(f"replenishment:suggestion-{name}", args=[row.pk]) for name in ("edit", "explain")
    )
    quantities = iter(range(10, 10_000))
    return {
        "edit of a quantity": lambda: client.post(
            edit, {"quantity": next(quantities), "plan": plan.pk}, headers={"HX-Request": "true"}
        ),
        "drawer": lambda: client.get(drawer, headers={"HX-Request": "true"}),
    }


def _alone(name: str, ask: Callable[[], Any], median: float = MEDIAN, late: float = LATE) -> bool:
    """Whether an answer is within its limits; prints what it takes."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def timed() -> tuple[float, float, Any]:
        wall, own = time.perf_counter(), time.process_time()
        answer = ask()
        return (time.perf_counter() - wall) * 1000, (time.process_time() - own) * 1000, answer

    first, _processor, answer = timed()
    body = b"".join(answer) if answer.streaming else answer.content
    if answer.status_code != 200:
        print(f"{name:32}  answers {answer.status_code}: {body[:200]!r}", flush=True)
        return answer.status_code in {403, 405}
    with CaptureQueriesContext(connection) as queries:
        ask()
    asked = queries.captured_queries
    turns = [timed()[:2] for _ in range(TURNS if first < 3000 else 3)]
    times, own = sorted(turn[0] for turn in turns), statistics.median(turn[1] for turn in turns)
    size = len(gzip.compress(body, 6))
    p50, p95 = statistics.median(times), times[-1]
    fits = p50 <= median and p95 <= late and size <= BYTES
    word = "" if fits else "  OVER"
    numbers = (len(asked), first, p50, p95, own, size / 1000)
    print(f"{name:32}" + "".join(f"{number:8.0f}" for number in numbers) + word, flush=True)
    if not fits and os.environ.get("PAGES_SPEED_SQL"):
        for query in sorted(asked, key=lambda q: -float(q["time"]))[:4]:
            print("   ", query["time"], query["sql"][:1500])
    return fits


def _crowd(arguments: argparse.Namespace, pages: dict[str, str], session: str) -> None:
    """So many users against gunicorn; prints each page's times and those of all."""
    pages = {name: url for name, url in pages.items() if not name.startswith("API") and name not in ALONE}
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [sys.executable, "-m", "gunicorn", "inventory_site.wsgi", "--workers", str(WORKERS)]
    server = subprocess.Popen(
        [*command, "--bind", f"127.0.0.1:{PORT}", "--log-level", "error"], env=environment
    )
    times: dict[str, list[float]] = defaultdict(list)
    bad: dict[str, int] = defaultdict(int)
    names = list(pages)
    try:
        _wait()
        for url in list(pages.values()) * WARM:
            _got(url, session)
        end = time.monotonic() + arguments.seconds

        def user(number: int) -> None:
            draw = random.Random(number)
            time.sleep(PAUSE * number / arguments.users)
            while time.monotonic() < end:
                # Half of the clicks are of the workbench, as a buyer's are.
                name = draw.choice(names)
                if draw.random() < 0.5:
                    name = draw.choice([one for one in names if one.startswith("workbench")] or names)
                start = time.perf_counter()
                status = _got(pages[name], session)
                times[name].append((time.perf_counter() - start) * 1000)
                bad[name] += status != 200
                time.sleep(PAUSE)

        users = [threading.Thread(target=user, args=(number,)) for number in range(arguments.users)]
        for thread in users:
            thread.start()
        for thread in users:
            thread.join()
    finally:
        server.terminate()
        server.wait(20)
    print(f"\n{arguments.users} users, a click each {PAUSE:g} s, {WORKERS} workers, {os.cpu_count()} cores")
    print(f"{'page':32}{'clicks':>8}{'p50 ms':>8}{'p95 ms':>8}")
    for name in sorted(times):
        found = sorted(times[name])
        p50, p95 = statistics.median(found), found[min(int(len(found) * 0.95), len(found) - 1)]
        word = "" if p50 <= MEDIAN and p95 <= LATE else "  OVER"
        print(
            f"{name:32}{len(found):8}{p50:8.0f}{p95:8.0f}{word}{f'  {bad[name]} failed' if bad[name] else ''}"
        )
    everything = sorted(one for found in times.values() for one in found)
    p50, p95 = statistics.median(everything), everything[int(len(everything) * 0.95)]
    print(f"{'all':32}{len(everything):8}{p50:8.0f}{p95:8.0f}; load {os.getloadavg()[0]:.0f}", flush=True)


def _wait() -> None:
    for _ in range(300):
        try:
            _got("/accounts/login/", "")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("gunicorn did not start")


def _got(url: str, session: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    try:
        connection.request("GET", url, headers={"Cookie": f"sessionid={session}", "Host": "localhost"})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


if __name__ == "__main__":
    main()
