"""Django's own apps on MongoDB: their keys are ObjectIds, their migrations are in the repository, the admin works."""

from io import StringIO

import pytest
from bson import ObjectId
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.test import Client

pytestmark = pytest.mark.django_db


def test_migrations_and_models_agree() -> None:
    output = StringIO()
    call_command("makemigrations", "--check", "--dry-run", stdout=output)
    assert "No changes detected" in output.getvalue()


def test_keys_are_object_ids() -> None:
    assert isinstance(User.objects.create_user("anna").pk, ObjectId)
    assert isinstance(ContentType.objects.get_for_model(User).pk, ObjectId)


def test_staff_sign_in_to_the_admin_and_others_do_not(client: Client) -> None:
    User.objects.create_superuser("anna", password="correct horse")
    User.objects.create_user("bob", password="battery staple")
    assert client.get("/admin/").status_code == 302
    client.post("/admin/login/", {"username": "bob", "password": "battery staple"})
    assert client.get("/admin/").status_code == 302
    client.post("/admin/login/", {"username": "anna", "password": "correct horse"})
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/auth/user/").status_code == 200
