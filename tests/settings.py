"""The site's settings for the tests: no environment needed, a database file or server of its own."""

import os
import tempfile
from pathlib import Path

_folder = Path(tempfile.mkdtemp(prefix="forestock-tests-"))
os.environ.setdefault("FORESTOCK_SECRET_KEY", "only-for-the-tests-" + "0123456789" * 5)
os.environ.setdefault("FORESTOCK_ALLOWED_HOSTS", "testserver,localhost,127.0.0.1")
os.environ.setdefault("FORESTOCK_INSECURE_HTTP", "1")
os.environ.setdefault("FORESTOCK_VAR_DIR", str(_folder))
os.environ.setdefault("DATABASE_URL", f"sqlite:///{_folder / 'forestock.sqlite3'}")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from inventory_site.settings import *  # noqa: E402, F403
from inventory_site.settings import DATABASES  # noqa: E402

# A file, not memory: ADBC and worker processes open the database on connections of their own.
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {"NAME": str(_folder / "test.sqlite3")}
    # Rows that nobody ordered come in the other order than usual: code that relies on an order says so.
    DATABASES["default"]["OPTIONS"]["init_command"] += " PRAGMA reverse_unordered_selects=ON;"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
AXES_ENABLED = False
