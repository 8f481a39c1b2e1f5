"""Settings of the marketplace, for development as they stand. Those of the chat are at the end.

From the environment: DATABASE_URL (unset: SQLite beside manage.py), DEBUG (true), SECRET_KEY and ALLOWED_HOSTS (needed
where DEBUG is false); for the chat MONGODB_URI and REDIS_URL.
"""

import os
from pathlib import Path

from marketplace.database_url import database

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = os.environ.get("DEBUG", "true").lower() == "true"
SECRET_KEY = os.environ.get("SECRET_KEY", "for development only") if DEBUG else os.environ["SECRET_KEY"]
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "").split()

INSTALLED_APPS = [
    "marketplace.apps.MarketplaceAdminConfig",  # django.contrib.admin, with a site of our own
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "accounts",
    "shops",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "marketplace.urls"
WSGI_APPLICATION = "marketplace.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": database(os.environ.get("DATABASE_URL") or f"sqlite:///{BASE_DIR / 'marketplace.sqlite3'}")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "account"
LOGOUT_REDIRECT_URL = "products"

LANGUAGE_CODE = "en"
TIME_ZONE = "Asia/Ho_Chi_Minh"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "collected-static"
STATICFILES_DIRS = [BASE_DIR / "static"]

# The chat
REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
INSTALLED_APPS = ["daphne", *INSTALLED_APPS, "socketio_bridge", "presence", "conversations", "moderation"]
ASGI_APPLICATION = "marketplace.asgi.application"
DATABASES["chat"] = {
    "ENGINE": os.environ.get("MONGODB_ENGINE", "persistence.engine"),
    "HOST": os.environ.get("MONGODB_URI", "mongodb://127.0.0.1:27017/marketplace"),
}
DATABASE_ROUTERS = ["persistence.database.ChatRouter"]
CHANNELS = "channels_redis.pubsub.RedisPubSubChannelLayer"
CHANNEL_LAYERS = {"default": {"BACKEND": CHANNELS, "CONFIG": {"hosts": [REDIS_URL], "prefix": "marketplace"}}}
SOCKETIO = {"follow_session": True}
CONVERSATIONS = {
    "DATABASE": "chat",
    "REDIS_ADDRESS": REDIS_URL,
    "IDENTITY": "identity.session_user",
    "POLICIES": ["moderation.policies.ModerationPolicy", "shops.chat.ShopRules"],
}
