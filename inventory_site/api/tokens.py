"""Tokens: made with a user's password, kept as a hash alone, and gone after a while."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Any, cast

from django.contrib.auth import authenticate
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from knox.models import AuthToken
from knox.settings import knox_settings
from rest_framework import mixins, serializers, viewsets
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

LONGEST_DAYS = knox_settings.TOKEN_TTL.days


class TokenRequestSerializer(serializers.Serializer[Any]):
    """Who asks, and for how long."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(
        max_length=128, trim_whitespace=False, write_only=True, style={"input_type": "password"}
    )
    expires_in_days = serializers.IntegerField(min_value=1, max_value=LONGEST_DAYS, default=LONGEST_DAYS)


class TokenSerializer(serializers.ModelSerializer[Any]):
    """A token as it can be shown: `id` is the beginning of its text."""

    id = serializers.CharField(source="token_key", read_only=True)

    class Meta:
        model = AuthToken
        fields: tuple[str, ...] = ("id", "created", "expiry")
        read_only_fields = ("created", "expiry")


class NewTokenSerializer(TokenSerializer):
    """A new token, with its text: shown this once."""

    token = serializers.CharField(read_only=True)

    class Meta(TokenSerializer.Meta):
        fields = ("id", "created", "expiry", "token")


class TokenViewSet(mixins.ListModelMixin, mixins.DestroyModelMixin, viewsets.GenericViewSet[Any]):
    """Your own tokens."""

    queryset = AuthToken.objects.none()
    serializer_class = TokenSerializer
    lookup_field = "token_key"
    lookup_url_kwarg = "id"
    lookup_value_regex = "[0-9a-f]{15}"

    @property
    def throttle_scope(self) -> str | None:
        """Passwords are tried slowly."""
        return "tokens" if self.action == "create" else None

    def get_authenticators(self) -> list[Any]:
        """Whoever asks for a token shows a password, nothing else: a stale token in the header is no bar."""
        if self.request is not None and self.request.method == "POST":
            return []
        return super().get_authenticators()

    def get_authenticate_header(self, request: Request) -> str:
        """A wrong password is answered with 401, as a wrong token is."""
        return str(knox_settings.AUTH_HEADER_PREFIX)

    def get_permissions(self) -> list[BasePermission]:
        """Anyone may ask for a token; the rest is for its owner."""
        return [AllowAny() if self.action == "create" else IsAuthenticated()]

    def get_queryset(self) -> QuerySet[Any]:
        """The user's own, without those that have run out."""
        if not self.request.user.is_authenticated:
            return cast("QuerySet[Any]", self.queryset)
        own = AuthToken.objects.filter(user=self.request.user, expiry__gt=timezone.now())
        return cast("QuerySet[Any]", own)

    @extend_schema(request=TokenRequestSerializer, responses={201: NewTokenSerializer}, auth=[])
    def create(self, request: Request) -> Response:
        """Make a token with a user's name and password. Send it as `Authorization: Token <token>`."""
        data = TokenRequestSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        user = authenticate(
            request._request,
            username=data.validated_data["username"],
            password=data.validated_data["password"],
        )
        if user is None:
            raise AuthenticationFailed(_("There is no such user with this password."))
        days = timedelta(days=data.validated_data["expires_in_days"])
        token, text = AuthToken.objects.create(user, expiry=days)
        shown = TokenSerializer(token).data
        response = Response({**shown, "token": text}, status=HTTPStatus.CREATED)
        response["Cache-Control"] = "no-store"
        return response
