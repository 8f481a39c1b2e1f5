"""The roles, as the tests of the admin have them."""

from tests.moderation.admin.conftest import roles  # noqa: F401  fixture
