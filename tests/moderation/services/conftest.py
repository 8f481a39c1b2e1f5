"""Staff of each role, as the tests of the admin have them."""

from tests.moderation.admin.conftest import lead, nobody, roles, support  # noqa: F401  fixtures
