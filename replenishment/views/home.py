"""The start page: what needs me today."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from replenishment.views.access import buyer_page


@buyer_page("replenishment.view_suggestion")
def home(request: HttpRequest) -> HttpResponse:
    """What needs me today."""
    return render(request, "replenishment/home.html")
