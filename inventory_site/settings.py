"""Django's settings, made from the typed environment. Secure unless the environment says otherwise."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

import dj_database_url
from celery.schedules import crontab
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.utils.translation import gettext_lazy as _

from inventory_site.environment import BASE_DIR, Environment

ENV = Environment()  # type: ignore[call-arg]  # every field has a default or an alias

if ENV.secret_key is None:
    raise ImproperlyConfigured(
        "FORESTOCK_SECRET_KEY is not set: give it a long random text (docs/settings.md)"
    )
SECRET_KEY = ENV.secret_key.get_secret_value()
DEBUG = ENV.debug
ALLOWED_HOSTS = [host.strip() for host in ENV.allowed_hosts.split(",") if host.strip()]
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS if host != "*"]

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "axes",
    "csp",
    "django_celery_beat",
    "django_filters",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "knox",
    "rest_framework",
    "catalog",
    "forecasting",
    "replenishment",
    "inventory_site",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "inventory_site.middleware.LooserContentSecurity",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "inventory_site.middleware.ReadersLanguage",
    "inventory_site.middleware.SignedOut",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "inventory_site.middleware.ApiAnswers",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "inventory_site.urls"
WSGI_APPLICATION = "inventory_site.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "inventory_site.context.shared",
            ],
        },
    }
]

DATABASES: dict[str, Any] = {"default": dj_database_url.parse(ENV.database_url, conn_max_age=60)}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Writers queue instead of failing, and readers never wait for them.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 60,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-64000;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# -- people -------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "inventory_site.readers.ReaderBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "replenishment:home"
LOGOUT_REDIRECT_URL = "login"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 1  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "429.html"

# -- languages ----------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "inventory_site" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = ENV.time_zone

# -- files --------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = ENV.var_dir / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # may stay empty: the finders serve what is not collected
STATICFILES_DIRS = [BASE_DIR / "inventory_site" / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "inventory_site.finders.BokehFinder",
]
MEDIA_ROOT = ENV.var_dir / "files"
ARTIFACT_ROOT = ENV.var_dir / "artifacts"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000

# -- transport and content security ---------------------------------------------------------------
SECURE_SSL_REDIRECT = not ENV.insecure_http
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not ENV.insecure_http
SECURE_HSTS_SECONDS = 0 if ENV.insecure_http else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not ENV.insecure_http
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    # The admin's own front end needs looser rules; inventory_site.middleware gives it them.
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}

# -- API ------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "inventory_site.api.authentication.HashedTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["inventory_site.api.permissions.ActionPermission"],
    "DEFAULT_PAGINATION_CLASS": "inventory_site.api.pagination.KeyCursorPagination",
    "DEFAULT_FILTER_BACKENDS": ["inventory_site.api.filters.StrictFilterBackend"],
    "DEFAULT_THROTTLE_CLASSES": [
        "rest_framework.throttling.AnonRateThrottle",
        "rest_framework.throttling.UserRateThrottle",
        "rest_framework.throttling.ScopedRateThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {
        "anon": "30/min",
        "user": "1200/min",
        "bulk": "60/min",
        "events": "600/min",
        "tokens": "10/min",
    },
    # Whom to throttle: the address that the proxy saw, whatever the client claims to stand behind.
    "NUM_PROXIES": 0 if ENV.insecure_http else 1,
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "inventory_site.api.problems.exception_handler",
    "PAGE_SIZE": 100,
    "DEFAULT_METADATA_CLASS": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
REST_KNOX = {"TOKEN_TTL": timedelta(days=30), "AUTH_HEADER_PREFIX": "Token"}
SPECTACULAR_SETTINGS = {
    "TITLE": "Forestock",
    "DESCRIPTION": "What to buy, how much, from whom and when.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "ExceptionKind": "replenishment.models.ExceptionCase.Kind",
        "ExceptionState": "replenishment.models.ExceptionCase.State",
        "ExceptionGroup": "replenishment.models.ExceptionCase.Group",
        "ForecastAlarmKind": "forecasting.models.ForecastAlarm.Kind",
        "ForecastRunKind": "forecasting.models.ForecastRun.Kind",
        "JobState": "catalog.models.Job.State",
        "OrderKind": "replenishment.models.PurchaseOrder.Kind",
        "PlanActionState": "replenishment.models.PlanAction.State",
        "OrderState": "replenishment.models.PurchaseOrder.State",
        "SuggestionState": "replenishment.models.Suggestion.State",
        "TargetKind": "replenishment.models.PolicyRule.TargetKind",
        "TrendClass": "forecasting.models.TrendReading.Trend",
        "BehaviourChange": "forecasting.models.BehaviourReading.Change",
        "ShopperEventKind": "catalog.models.ShopperEvent.Kind",
        "ForecastOverrideKind": "forecasting.models.ForecastOverride.Kind",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "inventory_site.api.schema.problems_describe",
    ],
}

# -- work in the background ------------------------------------------------------------------------
CELERY_BROKER_URL = "filesystem://localhost//" if ENV.broker_url.startswith("filesystem") else ENV.broker_url
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
# What needs no decision of a person; beat puts it among the periodic tasks of the admin.
CELERY_BEAT_SCHEDULE: dict[str, Any] = {
    "exceptions": {
        "task": "replenishment.tasks.exceptions_daily_task",
        "schedule": crontab(hour=str(ENV.digest_hour), minute="0"),
    },
    "wake what was snoozed until today": {
        "task": "replenishment.tasks.snoozes_end_task",
        "schedule": crontab(hour="0", minute="5"),
    },
}
if ENV.broker_url.startswith("filesystem"):
    _queue = ENV.var_dir / "queue"
    for _folder in ("messages", "control", "processed"):
        (_queue / _folder).mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
        "data_folder_in": str(_queue / "messages"),
        "data_folder_out": str(_queue / "messages"),
        "control_folder": str(_queue / "control"),
        "processed_folder": str(_queue / "processed"),
        "polling_interval": 0.05,
    }
else:
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        # After a SIGKILL a task comes back once it has been invisible for so long.
        "visibility_timeout": max(60.0, 2 * ENV.stale_after_seconds),
        "unacked_restore_interval": 10,
    }

# -- Forestock's own -------------------------------------------------------------------------------
FORESTOCK_TODAY = ENV.today
FORESTOCK_HOME_CURRENCY = ENV.home_currency
FORESTOCK_THREADS = ENV.threads
FORESTOCK_STALE_AFTER_SECONDS = ENV.stale_after_seconds
FORESTOCK_RETRAIN_DAYS = ENV.retrain_days
FORESTOCK_EVENT_DAYS = ENV.event_days
FORESTOCK_JOB_LOG_DAYS = ENV.job_log_days
FORESTOCK_UPLOAD_LIMIT_BYTES = ENV.upload_limit_mb * 1024 * 1024
FORESTOCK_IMAGE_MODEL: dict[str, Any] | None = (
    {
        "path": ENV.image_model,
        "sha256": ENV.image_model_sha256,
        "input": ENV.image_model_input,
        "output": ENV.image_model_output,
        "size": ENV.image_model_size,
        "mean": tuple(float(part) for part in ENV.image_model_mean.split(",")),
        "scale": tuple(float(part) for part in ENV.image_model_scale.split(",")),
        "layout": ENV.image_model_layout,
    }
    if ENV.image_model
    else None
)
FORESTOCK_EXCEPTIONS: dict[str, Any] = {
    name.removeprefix("exceptions_"): getattr(ENV, name)
    for name in Environment.model_fields
    if name.startswith("exceptions_")
}
FORESTOCK_DIGEST_CASES = ENV.digest_cases
# Where e-mails point to: there is no request that would say it.
FORESTOCK_SITE_URL = (
    ENV.site_url
    or f"{'http' if ENV.insecure_http else 'https'}://{next(iter(ALLOWED_HOSTS), 'localhost').lstrip('.*')}"
).rstrip("/")
FORESTOCK_BUYER_HASH_KEY: bytes = (
    ENV.buyer_hash_key.get_secret_value().encode()
    if ENV.buyer_hash_key
    else hashlib.sha256(b"buyer:" + SECRET_KEY.encode()).digest()
)

# -- mail and log -----------------------------------------------------------------------------------
DEFAULT_FROM_EMAIL = ENV.default_from_email
if ENV.email_url:
    _mail = urlsplit(ENV.email_url)
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST = _mail.hostname or "localhost"
    EMAIL_PORT = _mail.port or 25
    EMAIL_HOST_USER = unquote(_mail.username or "")
    EMAIL_HOST_PASSWORD = unquote(_mail.password or "")
    EMAIL_USE_TLS = EMAIL_PORT == 587
    EMAIL_USE_SSL = _mail.scheme == "smtps" or EMAIL_PORT == 465
else:
    EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": ENV.log_level},
}

UNFOLD = {
    "SITE_TITLE": "Forestock",
    "SITE_HEADER": "Forestock",
    "SITE_URL": "/",
    "SHOW_LANGUAGES": True,
    "SHOW_HISTORY": True,
    "SITE_ICON": lambda request: static("favicon.svg"),
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("favicon.svg")},
    ],
    # The green of the other pages (app.css, --accent) in the steps that the admin's theme asks for.
    "COLORS": {
        "primary": {
            "50": "oklch(97.5% .014 156)",
            "100": "oklch(95% .028 156)",
            "200": "oklch(90% .055 156)",
            "300": "oklch(82% .085 156)",
            "400": "oklch(74% .11 156)",
            "500": "oklch(60% .11 156)",
            "600": "oklch(47% .092 156)",
            "700": "oklch(41% .082 156)",
            "800": "oklch(35% .07 156)",
            "900": "oklch(30% .055 156)",
            "950": "oklch(21% .04 156)",
        },
    },
}
