"""What a reader sees when a page can't be shown: in the site's own frame, with a way on."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.urls import reverse

pytestmark = pytest.mark.django_db
HOME = f'href="{reverse("replenishment:home")}">To the start page'


def test_a_form_of_another_session_is_refused_with_what_to_do(viewer: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(viewer)
    answer = client.post(reverse("preferences"), {"language": "en"})
    assert answer.status_code == 403
    page = answer.content.decode()
    assert "This form is out of date" in page
    assert HOME in page


@override_settings(DATA_UPLOAD_MAX_NUMBER_FIELDS=3)
def test_too_much_at_once_is_refused_with_what_to_do(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    answer = client.post(reverse("preferences"), {f"field-{n}": "1" for n in range(9)})
    assert answer.status_code == 400
    page = answer.content.decode()
    assert "send less at once" in page
    assert HOME in page


def test_who_lacks_a_permission_finds_the_way_home(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    page = client.get(reverse("replenishment:order-approval")).content.decode()
    assert "An administrator can grant it." in page
    assert HOME in page


def test_an_approver_who_is_not_staff_is_told_so(client: Client, approver: User) -> None:
    User.objects.filter(pk=approver.pk).update(is_staff=False)
    client.force_login(approver)
    answer = client.get(reverse("replenishment:order-approval"))
    assert answer.status_code == 403
    assert "has to be staff" in answer.content.decode()
