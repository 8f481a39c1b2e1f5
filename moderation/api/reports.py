"""The REST door to moderation, for users: `/reports`, below `/v1/conversations/`."""

from __future__ import annotations

from django.urls import re_path

from conversations.api.authentication import Caller
from conversations.api.operation import Endpoint, operation
from conversations.api.throttling import CostlyThrottle, UserThrottle
from moderation import services
from moderation.payloads import NewReport, Reported, ReportPayload


class ReportThrottle(CostlyThrottle):
    """For users who report."""

    kind = "report"


class Reports(Endpoint):
    """`/reports`"""

    throttle_classes = (UserThrottle, ReportThrottle)

    @operation("Report a message, a room or a user", errors=(404,))
    async def post(self, caller: Caller, asked: NewReport) -> Reported:
        """The operator's staff will look at it. What one has reported already is not reported twice."""
        return Reported(report=ReportPayload.of(await services.report(caller, asked)))


urlpatterns = [re_path("^reports/?$", Reports.as_view())]
