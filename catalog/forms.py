"""The forms of the import pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.utils.translation import gettext_lazy as _

from catalog.core.pictures import MOST_BYTES
from catalog.importers.columns import DataSet
from catalog.models import ImportBatch

DECIMALS = [("point", _("point: 1234.5")), ("comma", _("comma: 1234,5"))]
DATE_ORDERS = [
    ("auto", _("as the file makes clear (2026-03-31, or 31/03/2026)")),
    ("dmy", _("day first: 31/03/2026")),
    ("mdy", _("month first: 03/31/2026")),
]
ENDINGS = ".csv,.tsv,.txt,.xlsx,.parquet"


class UploadForm(forms.Form):
    """Which file, and what is in it."""

    kind = forms.ChoiceField(label=_("What is in the file"))
    file = forms.FileField(
        label=_("File"),
        help_text=_("CSV (UTF-8), Excel (xlsx) or Parquet. The first row names the columns."),
        widget=forms.ClearableFileInput(attrs={"accept": ENDINGS}),
    )

    def __init__(self, *args: Any, kinds: Sequence[tuple[str, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["kind"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101
        field.choices = list(kinds)


class _ManyFiles(forms.ClearableFileInput):
    allow_multiple_selected = True


class _ManyFilesField(forms.FileField):
    widget = _ManyFiles

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        """Each file by itself; none at all is as wrong as for one."""
        return [super(_ManyFilesField, self).clean(file, initial) for file in data or [None]]


class FilesForm(forms.Form):
    """Several files at once; what is in each, its name and its columns tell."""

    uploads = _ManyFilesField(label=_("Files"))


class ConfirmForm(forms.Form):
    """How the file is read: a select for each of its columns, the mode, decimal mark and order of dates."""

    mode = forms.ChoiceField(
        label=_("If a row is wrong"), choices=ImportBatch.Mode.choices, initial=ImportBatch.Mode.STRICT
    )
    decimal = forms.ChoiceField(label=_("Decimal mark"), choices=DECIMALS, initial="point", required=False)
    date_order = forms.ChoiceField(label=_("Dates"), choices=DATE_ORDERS, initial="auto", required=False)

    def __init__(
        self,
        *args: Any,
        data_set: DataSet | None,
        header: Sequence[str],
        suggested: Mapping[str, str],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.data_set, self.header = data_set, list(header)
        if data_set is None:
            del self.fields["decimal"], self.fields["date_order"], self.fields["mode"]
            return
        choices: list[tuple[str, Any]] = [("", _("– not used –"))]
        choices += [
            (column.name, f"{column.label} *" if column.required else column.label)
            for column in data_set.columns
        ]
        for number, name in enumerate(self.header):
            chosen = suggested.get(name, "")
            own = [(chosen, chosen)] if chosen and data_set.family_of(chosen) else []
            self.fields[f"column-{number}"] = forms.ChoiceField(
                label=name, choices=[*choices, *own], initial=chosen, required=False
            )

    @property
    def columns(self) -> list[forms.BoundField]:
        """The selects, in the order of the file's columns."""
        return [] if self.data_set is None else [self[f"column-{n}"] for n in range(len(self.header))]

    @property
    def choices(self) -> list[forms.BoundField]:
        """The fields that are not columns."""
        return [self[name] for name in ("mode", "decimal", "date_order") if name in self.fields]

    def clean(self) -> dict[str, Any]:
        """Each column is used once, and those that every row needs are there."""
        cleaned = super().clean() or {}
        if self.data_set is None:
            return cleaned
        used = [name for name in self.mapping().values() if name]
        twice = sorted({name for name in used if used.count(name) > 1})
        if twice:
            labels = ", ".join(str(self._label(name)) for name in twice)
            self.add_error(None, _("More than one column of the file is used for: %s.") % labels)
        missing = [str(c.label) for c in self.data_set.columns if c.required and c.name not in used]
        if missing:
            self.add_error(None, _("No column of the file is used for: %s.") % ", ".join(missing))
        return cleaned

    def mapping(self) -> dict[str, str]:
        """File column -> column, "" where it is not used."""
        return {name: self.cleaned_data.get(f"column-{n}", "") for n, name in enumerate(self.header)}

    def options(self) -> dict[str, Any]:
        """The options that differ from the usual ones."""
        usual = {"decimal": "point", "date_order": "auto"}
        chosen = {name: self.cleaned_data.get(name) or value for name, value in usual.items()}
        return {name: value for name, value in chosen.items() if value != usual[name]}

    def _label(self, name: str) -> Any:
        assert self.data_set is not None  # noqa: S101
        return name if self.data_set.family_of(name) else self.data_set.column(name).label


class PictureForm(forms.Form):
    """One photo of a product."""

    file = forms.FileField(
        label=_("Photo"),
        help_text=_("JPEG, PNG, WebP or GIF, at most 20 MB."),
        widget=forms.ClearableFileInput(attrs={"accept": "image/jpeg,image/png,image/webp,image/gif"}),
    )
    credit = forms.CharField(
        label=_("Credit"), max_length=200, required=False, help_text=_("Who made it, and its licence.")
    )

    def clean_file(self) -> File[bytes]:
        """Nothing too large is even read."""
        return _within(self.cleaned_data["file"], MOST_BYTES)


class PicturesForm(forms.Form):
    """Photos of many products."""

    file = forms.FileField(
        label=_("ZIP file"), widget=forms.ClearableFileInput(attrs={"accept": ".zip,application/zip"})
    )

    def clean_file(self) -> File[bytes]:
        """Within what an installation takes."""
        return _within(self.cleaned_data["file"], settings.FORESTOCK_UPLOAD_LIMIT_BYTES)


def _within(file: File[bytes], limit: int) -> File[bytes]:
    if (file.size or 0) > limit:
        raise ValidationError(_("The file is larger than %(limit)d MB."), params={"limit": limit >> 20})
    return file
