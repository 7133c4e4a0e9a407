"""Products' pictures."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import FileField, ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline

from catalog.core.pictures import MOST_BYTES
from catalog.models import (
    ProductImage,
)
from catalog.services import CatalogError, picture_add, picture_delete


class ProductImageForm(ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """A photo for a product."""

    upload = FileField(label=_("Photo"), help_text=_("JPEG, PNG, WebP or GIF, at most 20 MB."))

    class Meta:
        model = ProductImage
        fields = ("product", "credit")

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        upload, product = values.get("upload"), values.get("product")
        if upload is not None and product is not None:
            try:
                self.instance, _is_new = picture_add(
                    product=product, data=upload.read(MOST_BYTES + 1), credit=values.get("credit") or ""
                )
            except CatalogError as error:
                self.add_error("upload", str(error))
        return values

    def _post_clean(self) -> None:
        """The photo is in the database: nothing is left to be set on it."""


def _thumbnail(image: ProductImage) -> str:
    if not image.pk:  # the empty row that the page's script would copy
        return ""
    address = reverse("catalog:picture", args=[image.pk, 64])
    return format_html('<img src="{}" alt="" width="48" height="48" loading="lazy">', address)


class ProductImageInline(TabularInline):
    """The photos of a product, small; they are added on a page of their own."""

    model = ProductImage
    extra = 0
    max_num = 0
    can_delete = False
    show_change_link = True
    fields = readonly_fields = ("thumbnail", "position", "credit", "is_assumed")

    @admin.display(description=_("Photo"))
    def thumbnail(self, obj: ProductImage) -> str:
        return _thumbnail(obj)


@admin.register(ProductImage)
class ProductImageAdmin(ModelAdmin):
    """Photos are added and deleted; what they hold is never changed."""

    form = ProductImageForm
    list_display = ("thumbnail", "product", "position", "width", "height", "credit", "is_assumed")
    list_filter = ("is_assumed",)
    list_select_related = ("product",)
    search_fields = ("product__search_text",)
    autocomplete_fields = ("product",)
    list_per_page = 50
    show_full_result_count = False

    @admin.display(description=_("Photo"))
    def thumbnail(self, obj: ProductImage) -> str:
        return _thumbnail(obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if obj is None:
            return ("product", "upload", "credit")
        return ("thumbnail", "product", "position", "width", "height", "credit", "sha256", "recorded_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else self.get_fields(request, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm[Any], change: bool) -> None:
        """The form has kept it already: a photo that can't be taken is an error of its field."""

    def delete_model(self, request: HttpRequest, obj: ProductImage) -> None:
        picture_delete(image=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for image in queryset:
            picture_delete(image=image)
