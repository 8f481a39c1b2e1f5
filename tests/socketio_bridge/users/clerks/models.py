"""An app of the office that has users by a proxy, as projects do for pages of their own in the admin."""

from django.contrib.auth.models import User


class Clerk(User):
    class Meta:
        proxy = True
