"""People and groups in the admin; an administrator of the shop can't raise anybody above themselves."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Q
from django.http import HttpRequest
from knox.models import AuthToken
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

admin.site.unregister([User, Group])
if admin.site.is_registered(AuthToken):
    admin.site.unregister(AuthToken)

# The libraries' own pages, in this admin's clothes, and without the inline script that one form brings.
for _model, _base in list(admin.site._registry.items()):
    if _model._meta.app_label in {"axes", "django_celery_beat"}:
        _kind = type(_base)
        admin.site.unregister(_model)
        admin.site.register(_model, type(_kind.__name__, (_kind, ModelAdmin), {"change_form_template": None}))


def _held(user: Any) -> set[int]:
    """The permissions that a user has, or would have if they were active."""
    found = Permission.objects.filter(Q(user=user) | Q(group__user=user))
    return set(found.order_by().values_list("pk", flat=True))


def _is_above(user: Any, acting: Any) -> bool:
    """Whether a user may do more than the acting one: a password set for them would be theirs to use."""
    if user is None or acting.is_superuser:
        return False
    return bool(user.is_superuser or (user.pk is not None and _held(user) - _held(acting)))


@admin.register(User)
class UserAdmin(BaseUserAdmin, ModelAdmin):  # type: ignore[type-arg]  # generic for checkers alone
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "is_active", "is_staff", "is_superuser", "last_login")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        if request.user.is_superuser:
            return fields
        # Permissions come with the groups; who is superuser is not the shop's to say.
        return (*fields, "is_superuser", "user_permissions", "last_login", "date_joined")

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "groups" and not request.user.is_superuser:
            # Nobody gives what they have not.
            beyond = Permission.objects.exclude(pk__in=_held(request.user))
            options["queryset"] = Group.objects.exclude(permissions__in=beyond)
        return super().formfield_for_manytomany(db_field, request, **options)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super().has_change_permission(request, obj)) and not _is_above(obj, request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super().has_delete_permission(request, obj)) and not _is_above(obj, request.user)


@admin.register(Group)
class GroupAdmin(BaseGroupAdmin, ModelAdmin):
    pass


@admin.register(AuthToken)
class AuthTokenAdmin(ModelAdmin):
    """Tokens are made in the API, with a password; here they are revoked."""

    list_display = ("token_key", "user", "created", "expiry")
    search_fields = ("user__username",)
    list_select_related = ("user",)
    fields = readonly_fields = ("token_key", "user", "created", "expiry")
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
