from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.messages.views import SuccessMessageMixin
from django.db.models import QuerySet
from django.urls import reverse_lazy
from django.views.generic import UpdateView

from accounts.models import User


class AccountView(LoginRequiredMixin, SuccessMessageMixin, UpdateView):
    """The user's own particulars, and the shops that the user owns."""

    model = User
    fields = ("display_name", "phone", "email")
    template_name = "accounts/account.html"
    context_object_name = "account"
    success_url = reverse_lazy("account")
    success_message = "Saved."

    def get_object(self, queryset: QuerySet[User] | None = None) -> User:
        return User.objects.get(pk=self.request.user.pk)  # a copy: a form that is refused leaves request.user as it was
