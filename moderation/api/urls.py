"""The addresses of this API, below `/v1/conversations/`; each with a slash at its end too, as all below it."""

from __future__ import annotations

from django.urls import re_path

from moderation.api import reports

urlpatterns = [re_path("^reports/?$", reports.Reports.as_view())]
