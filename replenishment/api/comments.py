"""Comments on products at locations in the API: read, said, taken back. Partners see none of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, ClassVar, cast

from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.models import Location, Product
from replenishment import services
from replenishment.api.filters import CommentFilter
from replenishment.models import Comment
from replenishment.models.comments import COMMENT_LENGTH


class SkuCommentSerializer(serializers.ModelSerializer[Comment]):
    """Plain text by one person on a product at a location. It is never changed, only taken back."""

    sku: serializers.SlugRelatedField[Any] = serializers.SlugRelatedField(
        slug_field="sku", source="product", queryset=Product.objects.all()
    )
    location: serializers.SlugRelatedField[Any] = serializers.SlugRelatedField(
        slug_field="code", queryset=Location.objects.all()
    )
    author: serializers.SlugRelatedField[Any] = serializers.SlugRelatedField(
        slug_field="username", read_only=True
    )
    text = serializers.CharField(max_length=COMMENT_LENGTH)

    class Meta:
        model = Comment
        fields = ("id", "sku", "location", "author", "text", "created_at")
        read_only_fields = ("id", "author", "created_at")


class CommentViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[Comment],
):
    """What people say to one another about a SKU."""

    queryset = Comment.objects.select_related("product", "location", "author").order_by("pk")
    serializer_class = SkuCommentSerializer
    filterset_class = CommentFilter
    lookup_value_regex = r"\d{1,18}"
    action_permissions: ClassVar[dict[str, Any]] = {
        "list": "replenishment.view_comment",
        "retrieve": "replenishment.view_comment",
        "create": "replenishment.add_comment",
        "destroy": "replenishment.add_comment",
    }

    @extend_schema(request=SkuCommentSerializer, responses={201: SkuCommentSerializer})
    def create(self, request: Request) -> Response:
        """Say something."""
        data = SkuCommentSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        try:
            comment = services.comment_add(
                product=data.validated_data["product"],
                location=data.validated_data["location"],
                text=data.validated_data["text"],
                acting_user=cast("User", request.user),
            )
        except services.CommentError as error:
            raise ValidationError({"text": [str(error)]}) from None
        return Response(SkuCommentSerializer(comment).data, status=HTTPStatus.CREATED)

    def perform_destroy(self, instance: Comment) -> None:
        """One's own; with the permission to delete comments, anybody's."""
        services.comment_delete(comment=instance, acting_user=cast("User", self.request.user))
