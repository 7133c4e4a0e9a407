"""The daily e-mail about exceptions."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import call_command

from catalog.models import UserPreference
from replenishment import services
from replenishment.models import Digest, ExceptionCase
from replenishment.services.digests import digest_send
from replenishment.tasks import exceptions_daily_task
from tests.cast import make_product, make_user
from tests.replenishment.world import AS_OF

pytestmark = pytest.mark.django_db


def add_case(number: int = 1, **values: Any) -> ExceptionCase:
    product = make_product(name=f"Lamp {number}", names={"zh-hans": f"台灯 {number}"})
    return ExceptionCase.objects.create(
        **{
            "kind": "rejected-rows",
            "key": f"{number}",
            "product": product,
            "impact": 10.0 * number,
            "details": {"import": 1, "kind": "stock", "file": "stock.csv", "rows": 4, "read": 100},
        }
        | values
    )


def test_it_sends_each_person_their_own_and_nobodys(buyer: User, admin_user: User) -> None:
    add_case(1)
    add_case(2, owner=buyer)
    add_case(3, owner=admin_user)
    add_case(4, state="snoozed", snoozed_until=AS_OF)
    assert services.digests_send(day=AS_OF) == 2
    sent = {message.to[0]: message for message in mail.outbox}
    own = sent[buyer.email]
    assert own.subject == "2 exceptions need you"
    assert [name in own.body for name in ("Lamp 1", "Lamp 2", "Lamp 3", "Lamp 4")] == [
        True,
        True,
        False,
        False,
    ]
    assert "4 of 100 rows of stock.csv were rejected." in own.body
    assert own.body.index("Lamp 2") < own.body.index("Lamp 1")
    [(html, kind)] = own.alternatives  # type: ignore[attr-defined]
    assert kind == "text/html"
    assert "Lamp 2" in html


def test_it_links_to_the_pages(buyer: User, settings: Any) -> None:
    settings.FORESTOCK_SITE_URL = "https://stock.example.com"
    add_case()
    services.digests_send(day=AS_OF)
    assert "https://stock.example.com/exceptions/" in mail.outbox[0].body


def test_it_sends_one_a_day_however_often_it_is_asked(buyer: User) -> None:
    add_case()
    assert services.digests_send(day=AS_OF) == 1
    assert services.digests_send(day=AS_OF) == 0
    assert services.digests_send(day=AS_OF + timedelta(days=1)) == 1
    assert len(mail.outbox) == 2
    assert Digest.objects.filter(user=buyer, sent_at__isnull=False).count() == 2


def test_it_sends_none_after_a_worker_died_between_the_record_and_the_e_mail(buyer: User) -> None:
    add_case()
    Digest.objects.create(user=buyer, day=AS_OF)
    assert not digest_send(user=buyer, day=AS_OF)
    assert mail.outbox == []


def test_it_goes_on_with_the_others_where_a_server_refuses(
    buyer: User, admin_user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.core.mail import EmailMultiAlternatives

    add_case()
    send = EmailMultiAlternatives.send

    def refusing(self: EmailMultiAlternatives, fail_silently: bool = False) -> int:
        if self.to == [admin_user.email]:
            raise ConnectionRefusedError("no such server")
        return send(self, fail_silently)

    monkeypatch.setattr(EmailMultiAlternatives, "send", refusing)
    assert services.digests_send(day=AS_OF) == 1
    assert [message.to for message in mail.outbox] == [[buyer.email]]


def test_it_leaves_out_who_may_not_act_has_no_address_or_does_not_want_it(
    buyer: User, viewer: User, approver: User, partner_of_supplier: User
) -> None:
    add_case()
    User.objects.create_user("silent")
    services.digest_choose(user=buyer, is_wanted=False)
    make_user("nowhere", "Buyer")
    User.objects.filter(username="nowhere").update(email="")
    assert services.digests_send(day=AS_OF) == 0
    services.digest_choose(user=buyer, is_wanted=True)
    assert services.digests_send(day=AS_OF) == 1


def test_it_sends_nothing_where_nothing_is_wrong(buyer: User) -> None:
    assert services.digests_send(day=AS_OF) == 0
    assert not Digest.objects.exists()


def test_it_writes_in_the_persons_language(buyer: User) -> None:
    add_case()
    UserPreference.objects.create(user=buyer, language="zh-hans")
    services.digests_send(day=AS_OF)
    assert "台灯 1" in mail.outbox[0].body
    assert "exception" not in mail.outbox[0].subject
    [(html, _kind)] = mail.outbox[0].alternatives  # type: ignore[attr-defined]
    assert '<html lang="zh-hans">' in html


def test_it_searches_and_then_sends_daily(buyer: User) -> None:
    gone = add_case()
    from catalog.models import ImportBatch

    ImportBatch.objects.create(kind="stock", state="done", rows_read=100, rows_rejected=4)
    exceptions_daily_task()
    gone.refresh_from_db()
    assert gone.state == "closed"
    assert mail.outbox[0].subject == "1 exception needs you"
    exceptions_daily_task()
    assert len(mail.outbox) == 1


def test_it_shows_the_e_mails_without_sending_them(buyer: User) -> None:
    add_case()
    out = StringIO()
    call_command("exceptions_digest", "--dry-run", stdout=out)
    assert "Lamp 1" in out.getvalue()
    assert mail.outbox == []
    assert not Digest.objects.exists()
    call_command("exceptions_digest", stdout=out)
    assert len(mail.outbox) == 1


def test_it_lists_the_most_expensive_only(buyer: User, settings: Any) -> None:
    settings.FORESTOCK_DIGEST_CASES = 2
    for number in range(1, 5):
        add_case(number)
    services.digests_send(day=AS_OF)
    body = mail.outbox[0].body
    assert [f"Lamp {number}" in body for number in range(1, 5)] == [False, False, True, True]


def test_it_is_in_the_schedule() -> None:
    from inventory_site.celery import app

    assert app.conf.beat_schedule["exceptions"]["task"] == exceptions_daily_task.name
