"""The demo's log-ins: one person for each part, with passwords made on this machine."""

from __future__ import annotations

import json
import secrets
from decimal import Decimal
from pathlib import Path

from django.contrib.auth.models import Group, User

from catalog.models import PartnerAccount, Supplier
from replenishment.models import ApprovalLimit

PEOPLE = {"buyer": "Buyer", "admin": "Admin", "partner": "Partner"}


def people_create(folder: Path) -> dict[str, str]:
    """Make the users (once) and answer with user name -> password; kept in `folder`, for its owner only."""
    path = folder / "log-ins.json"
    if path.exists():
        passwords: dict[str, str] = json.loads(path.read_text())
    else:
        passwords = {name: f"{name}-{secrets.token_hex(4)}" for name in PEOPLE}
        path.touch(mode=0o600)
        path.write_text(json.dumps(passwords))
    for name, group in PEOPLE.items():
        user, created = User.objects.get_or_create(
            username=name,
            defaults={"is_staff": name == "admin", "is_superuser": name == "admin"},
        )
        if created:
            user.set_password(passwords[name])
            user.save(update_fields=["password"])
            user.groups.add(Group.objects.get(name=group))
    admin = User.objects.get(username="admin")
    ApprovalLimit.objects.get_or_create(user=admin, defaults={"amount": Decimal(50_000)})
    supplier = Supplier.objects.filter(is_assumed=True).order_by("code").first()
    if supplier is not None:
        PartnerAccount.objects.get_or_create(
            user=User.objects.get(username="partner"), defaults={"supplier": supplier}
        )
    return passwords
