"""Photos of products in the API: list, fetch, add, delete."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from catalog import selectors, services
from catalog.api.filters import ProductImageFilter
from catalog.api.renderers import FileRenderer
from catalog.core.pictures import MOST_BYTES
from catalog.exports import FULL, SIZES, picture_response
from catalog.models import Product, ProductImage


class ProductImageSerializer(serializers.ModelSerializer[ProductImage]):
    """A photo; `urls` gives its addresses by size."""

    sku = serializers.CharField(source="product.sku", read_only=True)
    urls = serializers.SerializerMethodField()

    class Meta:
        model = ProductImage
        fields = (
            "id", "sku", "position", "sha256", "media_type", "width", "height", "credit", "is_assumed",
            "urls", "recorded_at",
        )  # fmt: skip

    def get_urls(self, image: ProductImage) -> dict[str, str]:
        """Size (longest side, or `full`) to address; each is fetched with the token that listed it."""
        address = reverse("api:product-image-file", args=[image.pk], request=self.context.get("request"))
        return {size: f"{address}?size={size}" for size in SIZES}


class PictureUploadSerializer(serializers.Serializer[Any]):
    """A photo of a product as a form."""

    sku = serializers.SlugRelatedField(slug_field="sku", queryset=Product.objects.all())
    file = serializers.FileField()
    position = serializers.IntegerField(min_value=0, max_value=32_767, required=False)
    credit = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class ProductImageViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[ProductImage],
):
    """Photos of products. A supplier sees those of the products that it has terms for."""

    queryset = ProductImage.objects.select_related("product")
    serializer_class = ProductImageSerializer
    filterset_class = ProductImageFilter
    lookup_value_regex = r"\d{1,18}"
    action_permissions: ClassVar = {
        "list": "catalog.view_productimage",
        "retrieve": "catalog.view_productimage",
        "file": "catalog.view_productimage",
        "create": "catalog.add_productimage",
        "destroy": "catalog.delete_productimage",
    }
    supplier_actions = ("list", "retrieve", "file")

    @property
    def throttle_scope(self) -> str | None:
        """Decoding a photo is work."""
        return "bulk" if self.action == "create" else None

    def get_queryset(self) -> QuerySet[ProductImage]:
        """All, or the supplier's own."""
        return selectors.pictures_visible(self.request.user)

    def get_parsers(self) -> list[Any]:
        """A file comes as a form."""
        if self.request is None or (self.request.method == "POST" and "pk" not in self.kwargs):
            return [MultiPartParser()]
        return super().get_parsers()

    @extend_schema(
        request=PictureUploadSerializer, responses={200: ProductImageSerializer, 201: ProductImageSerializer}
    )
    def create(self, request: Request) -> Response:
        """Add a photo: JPEG, PNG, WebP or GIF, at most 20 MB. The same file again is answered with 200."""
        data = PictureUploadSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        values = data.validated_data
        image, is_new = services.picture_add(
            product=values["sku"],
            # A byte more than is taken: enough to be refused.
            data=values["file"].read(MOST_BYTES + 1),
            position=values.get("position"),
            credit=values["credit"],
        )
        status = HTTPStatus.CREATED if is_new else HTTPStatus.OK
        return Response(self.get_serializer(image).data, status=status)

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "size", enum=SIZES, default=FULL, description="Longest side in pixels, or all that is kept."
            )
        ],
        responses={(200, "image/webp"): OpenApiTypes.BINARY},
    )
    @action(detail=True, methods=["get"], renderer_classes=[FileRenderer])
    def file(self, request: Request, pk: str) -> HttpResponseBase:
        """The photo itself, in one of its sizes. What is at an address never changes: keep it."""
        size = request.query_params.get("size", FULL)
        if size not in SIZES:
            raise ValidationError({"size": [_("There are these sizes: %s.") % ", ".join(SIZES)]})
        return picture_response(request._request, self.get_object(), size)

    def perform_destroy(self, instance: ProductImage) -> None:
        """With its files."""
        services.picture_delete(image=instance)
