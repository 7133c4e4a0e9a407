"""The import pages: the list, upload, preview, an import with its progress and result, taking it back."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from catalog import services, tasks
from catalog.addresses import back_address
from catalog.forms import ConfirmForm, FilesForm, UploadForm
from catalog.importers import complete_journey
from catalog.importers.datasets import DATA_SETS
from catalog.importers.errors import FileError
from catalog.importers.mapping import kind_suggest
from catalog.importers.prepared import DROPS
from catalog.importers.reading import ROW, Table, table_read
from catalog.importers.templates import template_csv
from catalog.models import ImportBatch, ProductImage
from catalog.views.access import inside_only, person

PAGE_SIZE = 25
PREVIEW_ROWS = 20

# The one needs no file, the other has a page of its own.
_NOT_UPLOADED = {complete_journey.KIND, ImportBatch.PHOTOS}
UPLOAD_KINDS = [(kind, label) for kind, label in services.KINDS.items() if kind not in _NOT_UPLOADED]


@require_GET
@inside_only("catalog.view_importbatch")
def import_list(request: HttpRequest) -> HttpResponse:
    """All imports, newest first."""
    batches = ImportBatch.objects.select_related("created_by").defer("errors", "drops", "mapping")
    page = Paginator(batches, PAGE_SIZE).get_page(request.GET.get("page"))
    lines = [{"batch": batch, "kind": _kind_label(batch)} for batch in page]
    return render(request, "catalog/import_list.html", {"page": page, "lines": lines})


@require_http_methods(["GET", "POST"])
@inside_only("catalog.add_importbatch")
def import_upload(request: HttpRequest) -> HttpResponseBase:
    """Choose a file; one that can be read goes on to the preview."""
    form = UploadForm(
        request.POST or None,
        request.FILES or None,
        kinds=UPLOAD_KINDS,
        initial={"kind": request.GET.get("kind", "sales")},
    )
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            batch = services.import_create(
                kind=form.cleaned_data["kind"],
                file=file,
                file_name=file.name,
                acting_user=person(request),
                draft=True,
            )
        except services.CatalogError as error:
            form.add_error("file", str(error))
        else:
            try:
                _head(batch)
            except FileError as error:
                services.import_discard(batch=batch)
                form.add_error("file", str(error))
            else:
                return redirect(_preview(batch, back_address(request)))
    return render(
        request,
        "catalog/import_upload.html",
        {
            "form": form,
            "templates": [(kind, data_set.label) for kind, data_set in DATA_SETS.items()],
            "limit": settings.FORESTOCK_UPLOAD_LIMIT_BYTES >> 20,
            "back": back_address(request),
        },
        status=422 if form.errors else 200,
    )


@require_POST
@inside_only("catalog.add_importbatch")
def import_files(request: HttpRequest) -> HttpResponse:
    """Take in several files at once, each as what its name and columns say; then check them one by one."""
    back = back_address(request)
    form = FilesForm(request.POST, request.FILES)
    batches = []
    for file in form.cleaned_data["uploads"] if form.is_valid() else []:
        try:
            batches.append(_draft(file, person(request)))
        except (services.CatalogError, FileError) as error:
            messages.error(request, f"{file.name}: {error}")
    if not batches and not form.is_valid():
        messages.error(request, _("Choose at least one file."))
    if len(batches) == 1:
        return redirect(_preview(batches[0], back))
    return redirect(back or "catalog:import-list")


@require_POST
@inside_only("catalog.add_importbatch")
def import_kind(request: HttpRequest, pk: int) -> HttpResponse:
    """Say what is in an uploaded file; its columns are then suggested anew."""
    batch = get_object_or_404(ImportBatch, pk=pk)
    try:
        services.import_kind_set(batch=batch, kind=request.POST.get("kind", ""))
    except services.CatalogError as error:
        messages.error(request, str(error))
    return redirect(_preview(batch, back_address(request)))


@require_http_methods(["GET", "POST"])
@inside_only("catalog.add_importbatch")
def import_preview(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The first rows of a file, which of its columns is which, and the button that starts the import."""
    batch = get_object_or_404(ImportBatch, pk=pk)
    if not batch.is_draft:
        return redirect("catalog:import-detail", pk=pk)
    try:
        table = _head(batch)
    except FileError as error:
        messages.error(request, str(error))
        return redirect("catalog:import-upload")
    data_set, back = DATA_SETS.get(batch.kind), back_address(request)
    form = ConfirmForm(
        request.POST or None,
        data_set=data_set,
        header=table.header,
        suggested=services.mapping_for(data_set, table.header) if data_set else {},
    )
    if request.method == "POST" and form.is_valid():
        try:
            services.import_confirm(
                batch=batch,
                mapping=form.mapping() if data_set else {},
                mode=form.cleaned_data.get("mode", ImportBatch.Mode.STRICT),
                options=form.options() if data_set else {},
            )
        except services.CatalogError as error:
            messages.error(request, str(error))
        else:
            # A broker that is away loses nothing: a queued import is dispatched again by `jobs_take_up`.
            transaction.on_commit(lambda: tasks.import_run_task.delay(pk), robust=True)
            if back:
                return redirect(back)
        return redirect("catalog:import-detail", pk=pk)
    return render(
        request,
        "catalog/import_preview.html",
        {
            "batch": batch,
            "kind": _kind_label(batch),
            "form": form,
            "header": table.header,
            "rows": [(row[ROW], [row[name] for name in table.header]) for row in table.frame.to_dicts()],
            "notes": table.notes,
            "kinds": [(kind, one.label) for kind, one in DATA_SETS.items()] if data_set else [],
            "back": back,
        },
        status=422 if form.errors else 200,
    )


@require_POST
@inside_only("catalog.add_importbatch")
def import_discard(request: HttpRequest, pk: int) -> HttpResponse:
    """Throw an upload away that was not started."""
    try:
        services.import_discard(batch=get_object_or_404(ImportBatch, pk=pk))
    except services.CatalogError as error:
        messages.error(request, str(error))
        return redirect("catalog:import-detail", pk=pk)
    return redirect(back_address(request) or "catalog:import-list")


@require_GET
@inside_only("catalog.view_importbatch")
def import_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One import: its progress, or what it loaded, left out and refused."""
    batch = get_object_or_404(ImportBatch.objects.select_related("created_by", "taken_back_by"), pk=pk)
    is_photos = batch.kind == ImportBatch.PHOTOS
    return render(
        request,
        "catalog/import_detail.html",
        {
            "batch": batch,
            "kind": _kind_label(batch),
            "is_photos": is_photos,
            # Photos are taken in one by one: those before a failure or a stop stay.
            "photos_kept": ProductImage.objects.filter(batch=batch).count()
            if is_photos and batch.can_retry
            else 0,
            "drops": [{"reason": DROPS.get(name, name), **counts} for name, counts in batch.drops.items()],
            "report": _report(batch),
            "mapping": [(column, name) for column, name in batch.mapping.items() if name != column],
            "may_take_back": batch.state == ImportBatch.State.DONE
            and batch.taken_back_at is None
            and request.user.has_perm("catalog.take_back_importbatch"),
        },
    )


@require_GET
@inside_only("catalog.view_importbatch")
def import_rejected(request: HttpRequest, pk: int) -> FileResponse:
    """The refused rows as CSV, to be mended and sent again."""
    batch = get_object_or_404(ImportBatch, pk=pk)
    if not batch.rejected_file:
        raise Http404
    return FileResponse(
        batch.rejected_file.open("rb"),
        as_attachment=True,
        filename=f"{batch.kind}-{batch.pk}-rejected.csv",
        content_type="text/csv; charset=utf-8",
    )


@require_POST
@inside_only("catalog.view_importbatch", "catalog.take_back_importbatch")
def import_take_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Undo an import."""
    batch = get_object_or_404(ImportBatch, pk=pk)
    try:
        services.batch_take_back(batch=batch, acting_user=person(request))
    except services.CatalogError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The import was taken back."))
    return redirect("catalog:import-detail", pk=pk)


@require_GET
@inside_only("catalog.view_importbatch")
def import_template(request: HttpRequest, kind: str) -> HttpResponse:
    """An empty file of a kind, with one row as an example."""
    if kind not in DATA_SETS:
        raise Http404
    return HttpResponse(
        "\ufeff" + template_csv(DATA_SETS[kind]),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{kind}.csv"'},
    )


def _preview(batch: ImportBatch, back: str) -> str:
    address = reverse("catalog:import-preview", args=[batch.pk])
    return f"{address}?{urlencode({'next': back})}" if back else address


def _draft(file: UploadedFile[Any], user: User) -> ImportBatch:
    """An upload to be checked, as what its name and columns say. Raises `CatalogError` or `FileError`."""
    name = file.name or ""
    # Sales stand in until the file has been looked into.
    batch = services.import_create(kind="sales", file=file, file_name=name, acting_user=user, draft=True)
    try:
        kind = kind_suggest(DATA_SETS, _head(batch).header, name)
    except FileError:
        services.import_discard(batch=batch)
        raise
    if kind is None:
        services.import_discard(batch=batch)
        raise FileError(_("What is in the file can't be told from its columns: upload it by itself."))
    services.import_kind_set(batch=batch, kind=kind)
    return batch


def _kind_label(batch: ImportBatch) -> Any:
    return services.KINDS.get(batch.kind, batch.kind)


def _head(batch: ImportBatch) -> Table:
    path = services.batch_path(batch)
    if path is None:
        raise FileError(_("There is no file."))
    return table_read(path, limit=settings.FORESTOCK_UPLOAD_LIMIT_BYTES, head=PREVIEW_ROWS)


def _report(batch: ImportBatch) -> list[dict[str, Any]]:
    """What an importer of a public format found, for a table like that of the drops."""
    labels = {
        "kept": _("Loaded"),
        "sale": _("Sales"),
        "cancellation": _("Cancellations: of the same customer, product, price and day"),
        "return": _("Returns: the other lines that were taken back"),
        "bulk_cancelled": _("One-off bulk orders, cancelled on the same day"),
        "bulk_kept": _("One-off bulk orders that stay"),
    }
    report = batch.options.get("report", {})
    return [{"name": label, **report[key]} for key, label in labels.items() if key in report]
