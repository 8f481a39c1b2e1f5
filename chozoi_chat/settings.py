"""Django's settings, all from the environment. docs/configuration.md lists the names; checks judge the values."""

import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from redis.asyncio.connection import parse_url

from chozoi_chat.environment import json_object, names, one_of, switch, text, those_set, whole_number
from chozoi_chat.logs import logging_config
from chozoi_chat.running_stores import running_addresses
from identity.configuration import IdentitySettings
from identity.server_keys import key_in
from persistence.addresses import UnusableAddress, database_of

BASE_DIR = Path(__file__).resolve().parent.parent


def origin_of(url: str) -> str:
    """Return the scheme, host and port of a URL; "" for what is no URL, which a check reports."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.partition('/')[0]}" if rest else ""


def redis_database(url: str) -> int:
    """Return the number of the database in a Redis URL; 0 for what is no such URL, which a check reports."""
    try:
        return int(parse_url(url).get("db", 0))
    except ValueError:
        return 0


# Where the server keeps what it makes itself: keys, and the data of the embedded stores.
DATA_DIR = Path(text("DATA_DIR", str(BASE_DIR / ".data"))).expanduser().resolve()

DEBUG = switch("DEBUG")
DEMO = switch("DEMO")  # whether `/` is the demo; `manage.py up` switches it on
if DEMO and find_spec("demo") is None:
    raise ImproperlyConfigured(
        "DEMO=1, but the demo is not installed here: it is for `make run` in a checkout. Unset DEMO."
    )
try:
    SECRET_KEY = text("SECRET_KEY") or key_in(DATA_DIR, "secret_key")
except OSError as error:
    raise ImproperlyConfigured(
        f"DATA_DIR is {str(DATA_DIR)!r}, which cannot be written ({error.strerror}); "
        "name a directory that can be, or set SECRET_KEY."
    ) from error
HOST = text("HOST", "127.0.0.1")
PORT = whole_number("PORT", 8000)
ALLOWED_HOSTS = names("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")
ALLOWED_ORIGINS = [origin.rstrip("/") for origin in names("ALLOWED_ORIGINS")]
WEB_CONCURRENCY = whole_number("WEB_CONCURRENCY", 1)
FORWARDED_ALLOW_IPS = text("FORWARDED_ALLOW_IPS", "127.0.0.1")  # uvicorn reads the variable itself
KEEP_ALIVE = whole_number("KEEP_ALIVE", 75)  # seconds; longer than load balancers keep theirs, or they meet closed ones
REQUEST_TIMEOUT = whole_number("REQUEST_TIMEOUT", 20)  # seconds for a request's head to come, and for its body
TRACES_EXPORTER = one_of("OTEL_TRACES_EXPORTER", "none", ("NONE", "OTLP"))
METRICS_PORT = whole_number("METRICS_PORT", 0)  # of the first process; 0: none
METRICS_HOST = text("METRICS_HOST", "127.0.0.1")
SHUTDOWN_WINDOW = whole_number("SHUTDOWN_WINDOW", 20)  # seconds from SIGTERM to the end of a process
MAX_CONNECTIONS = whole_number("MAX_CONNECTIONS", 20_000)  # of a process
MAX_CONNECTIONS_PER_ADDRESS = whole_number("MAX_CONNECTIONS_PER_ADDRESS", 1_000)

# Stores. Unset: the embedded ones, at the address that the supervisor wrote down. None runs: port 1, where nothing
# listens, and not some usual port, where the embedded store of another DATA_DIR may.
_embedded = running_addresses(DATA_DIR)
MONGODB_EMBEDDED = not text("MONGODB_URI")
MONGODB_URI = (
    text("MONGODB_URI") or _embedded.mongodb or "mongodb://127.0.0.1:1/chozoi_chat?serverSelectionTimeoutMS=1000"
)
MONGODB_ENGINE = text("MONGODB_ENGINE") or ("devstack.engine" if MONGODB_EMBEDDED else "persistence.engine")
REDIS_EMBEDDED = not text("REDIS_ADDRESS")
REDIS_URL = text("REDIS_ADDRESS") or _embedded.redis or "redis://127.0.0.1:1/0"
if "://" not in REDIS_URL:  # the old service's form: host:port
    REDIS_URL = f"redis://{REDIS_URL}"
CHANNEL_PREFIX = text("CHANNEL_PREFIX", "chozoi")
try:
    _database = database_of(MONGODB_URI)
except UnusableAddress as error:
    raise ImproperlyConfigured(f"MONGODB_URI is {error}") from None

DATABASES = {
    "default": {
        "ENGINE": MONGODB_ENGINE,
        "HOST": MONGODB_URI,
        "NAME": _database,
    }
}
DATABASE_ROUTERS = ["django_mongodb_backend.routers.MongoRouter"]
DEFAULT_AUTO_FIELD = "django_mongodb_backend.fields.ObjectIdAutoField"
MIGRATION_MODULES = {
    "admin": "chozoi_chat.contrib_migrations.admin",
    "auth": "chozoi_chat.contrib_migrations.auth",
    "contenttypes": "chozoi_chat.contrib_migrations.contenttypes",
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        # What is published in Redis is heard in all its databases: by the prefix each system has channels of its own.
        "CONFIG": {"hosts": [REDIS_URL], "prefix": f"{CHANNEL_PREFIX}-{redis_database(REDIS_URL)}"},
    }
}

# Socket.IO
SOCKET_PATH = text("SOCKET_PATH", "/v1/conversations/sockets").rstrip("/")
SOCKETIO: dict[str, Any] = {
    "ping_interval": 25.0,  # seconds, as the next two
    "ping_timeout": 20.0,
    "connect_timeout": 45.0,
    # Bytes. Far above MESSAGE_MAX_LENGTH: a text that is much too long gets an `event_error`, not a broken line.
    "max_payload": 5_000_000,
    "outbound_limit": 4_000_000,
    "shutdown_window": SHUTDOWN_WINDOW,
    "per_message_deflate": switch("PER_MESSAGE_DEFLATE"),
}
SILENCED_SYSTEM_CHECKS = [
    "socketio_bridge.I012",  # `manage.py serve` tells uvicorn
    "security.W005",  # HSTS for all subdomains: they are others', not this service's to decide about
    "security.W021",  # nor is their place in browsers' preload lists
    "security.W008",  # the proxy that ends TLS redirects; this server sees probes over http
]
# Clients that ask for it, and are cut off by a bad network or a server's death, come back within this time and miss
# nothing. All others, among them apps that were written before, get each event as without it.
MAX_DISCONNECTION_DURATION = whole_number("MAX_DISCONNECTION_DURATION", 0)  # seconds; 0: they come back as new ones
if MAX_DISCONNECTION_DURATION > 0:
    SOCKETIO |= {
        "max_disconnection_duration": float(MAX_DISCONNECTION_DURATION),
        "recovery_clients": "asking",
        "recovery_redis_url": REDIS_URL,
    }

ASYNCAPI = {  # `manage.py asyncapi` writes docs/asyncapi.json and docs/events.md
    "title": "Socket.IO events",
    "version": "1.0.0",
    "description": "Connect any `socket.io-client`, 2.x to 4.x, to the server with `path` set to its path, and to a "
    "namespace below. docs/clients.md says what an app does with them, and what codes it may be refused with. Made by "
    "`make docs` from the types in the code.",
    "servers": {"production": {"host": "chat.example.com", "protocol": "wss", "pathname": SOCKET_PATH}},
}

# The REST API. Web apps on other origins: the same ones that may connect sockets, as `chozoi_chat/http/origins.py`
# answers. No cookies: the token says who calls.
CORS_URLS_REGEX = r"^/v1/conversations/"
CORS_ALLOW_ALL_ORIGINS = "*" in ALLOWED_ORIGINS
CORS_ALLOW_HEADERS = [
    "accept",
    "authorization",
    "content-type",
    "x-requested-with",
    *text("AUTH_TOKEN_HEADER").split(),
]
CORS_EXPOSE_HEADERS = ["retry-after", "x-request-id"]
REST_FRAMEWORK = {"UNAUTHENTICATED_USER": None, "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}
SPECTACULAR_SETTINGS = {
    "TITLE": "Conversations",
    "DESCRIPTION": "Rooms and messages of buyers and sellers. What is done here reaches connected sockets, too.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",  # whose schemas are those of JSON Schema, as msgspec writes them
    "PREPROCESSING_HOOKS": ["conversations.api.schema.without_slashes"],
    "POSTPROCESSING_HOOKS": [],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",  # from here, not from a network of others
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# Images that users send
UPLOAD_MAX_BYTES = whole_number("UPLOAD_MAX_BYTES", 10_000_000)
LARGEST_BODY = max(UPLOAD_MAX_BYTES, 2_621_440)  # bytes of any request; the second is what Django takes besides files
PUBLIC_URL = text("PUBLIC_URL").rstrip("/")
MEDIA_ROOT = DATA_DIR / "media"
FILE_UPLOAD_PERMISSIONS, FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o600, 0o700  # in DATA_DIR, as all else
MEDIA_URL = "/v1/conversations/media/"
STORAGES = {
    "default": {
        "BACKEND": text("MEDIA_STORAGE", "django.core.files.storage.FileSystemStorage"),
        "OPTIONS": json_object("MEDIA_STORAGE_OPTIONS"),
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# The chat and its neighbours: docs/configuration.md has the names. What the environment does not name has the default
# that its app declares.
CONVERSATIONS: dict[str, Any] = {
    "REDIS_ADDRESS": REDIS_URL,
    "DATA_DIR": str(DATA_DIR),
    "SOCKET_PATH": SOCKET_PATH,
    "POLICIES": ["moderation.policies.ModerationPolicy"],
    "AUTH_MODE": text("AUTH_MODE", IdentitySettings().AUTH_MODE).lower(),
    "UPLOAD_MAX_BYTES": UPLOAD_MAX_BYTES,
    "PUBLIC_URL": PUBLIC_URL,
    "SHOP_SERVICE": text("SHOP_SERVICE").rstrip("/"),
    "ACCOUNT_SERVICE": text("ACCOUNT_SERVICE").rstrip("/"),
    "KAFKA_BOOTSTRAP_SERVERS": text("KAFKA_BOOTSTRAP_SERVERS") or _embedded.kafka,
    "SCHEMA_REGISTRY_URL": text("SCHEMA_REGISTRY_URL") or _embedded.schema_registry,
    "KAFKA_OPTIONS": json_object("KAFKA_OPTIONS"),
    "WEBHOOKS": json_object("WEBHOOKS"),
    "SHUTDOWN_WINDOW": SHUTDOWN_WINDOW,
    "WORKER_STATUS_HOST": HOST,
}
_TEXTS = """
    MESSENGER_NAMESPACE STAFF_NAMESPACE AUCTION_RESULT_NAMESPACE AUCTIONS_RESULT_NAMESPACE RESYNC_CLOSES
    AUTH_JWT_KEY AUTH_JWKS_URL AUTH_JWT_ISSUER AUTH_JWT_AUDIENCE AUTH_INTROSPECTION_URL AUTH_TOKEN_HEADER AUTH_FAILURES
    EVENT_RATE_USER EVENT_RATE_ADDRESS EVENT_RATE_MESSAGES EVENT_RATE_CONNECTS EVENT_RATE_COSTLY
    API_RATE_USER API_RATE_ADDRESS API_RATE_UPLOADS API_RATE_UPLOADS_ADDRESS API_RATE_SEARCHES
    KAFKA_APP_ID CONSUMER_GROUP_ID KAFKA_EVENTS_TOPIC
"""
_NUMBERS = """
    MONGODB_PATIENCE MESSAGE_MAX_LENGTH SYNC_WINDOW EDIT_WINDOW UPLOAD_MAX_PIXELS WORKER_STATUS_PORT
    LOGIN_FAILURES LOGIN_LOCKOUT WEBHOOK_TIMEOUT WEBHOOK_CONCURRENCY WEBHOOK_GIVE_UP_AFTER WEBHOOK_UNREAD_AFTER
"""
_LISTS = "IMAGE_HOSTS SHOP_OWNER_FIELDS MODERATION_NOTICES"
CONVERSATIONS |= those_set(text, _TEXTS) | those_set(whole_number, _NUMBERS) | those_set(names, _LISTS)

INSTALLED_APPS = [
    "daphne",  # before staticfiles: makes `runserver` serve ASGI
    "channels",
    "chozoi_chat.apps.ChozoiChatConfig",
    "chozoi_chat.apps.MongoAdminConfig",
    "chozoi_chat.apps.MongoAuthConfig",
    "chozoi_chat.apps.MongoContentTypesConfig",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_mongodb_backend",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "socketio_bridge",
    "presence",
    "conversations",
    "moderation",
    "auctions",
    "event_relay",
    *(["demo"] if DEMO else []),
]
MIDDLEWARE = [
    "chozoi_chat.http.request_ids.with_request_id",
    "chozoi_chat.http.content_security_policy.content_security_policy",
    "django.middleware.security.SecurityMiddleware",
    "chozoi_chat.http.probes.answer_probes",
    "corsheaders.middleware.CorsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "chozoi_chat.urls"
ASGI_APPLICATION = "chozoi_chat.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
AUTHENTICATION_BACKENDS = ["persistence.engine.auth.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{validator}"}
    for validator in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

STATIC_URL = "static/"
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")  # whitenoise's
WHITENOISE_USE_FINDERS = True  # the admin's files straight from the packages, so there is nothing to collect

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
FORMAT_MODULE_PATH = "chozoi_chat.formats"
USE_TZ = True
# Whose pages may post to the admin: its own. A page of ALLOWED_ORIGINS may chat, which is another matter.
CSRF_TRUSTED_ORIGINS = [
    origin.rstrip("/") for origin in names("CSRF_TRUSTED_ORIGINS") or [origin_of(PUBLIC_URL)] if origin
]
X_FRAME_OPTIONS = "DENY"
# What a browser must never send in the clear, where clients reach this server over https.
SERVED_OVER_HTTPS = switch("SERVED_OVER_HTTPS", default=PUBLIC_URL.startswith("https://"))
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SERVED_OVER_HTTPS
_hsts_seconds = whole_number("HSTS_SECONDS", 31_536_000)
SECURE_HSTS_SECONDS = _hsts_seconds if SERVED_OVER_HTTPS else 0
SESSION_COOKIE_HTTPONLY = True

LOG_LEVEL = one_of("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
LOGGING_CONFIG = "chozoi_chat.logs.configure"
LOGGING = logging_config(LOG_LEVEL, debug=DEBUG)
