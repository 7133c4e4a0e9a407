"""What the environment may say: every setting of an installation, typed, with its default.

docs/settings.md lists the same names; a test fails when one is missing there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

BASE_DIR = Path(__file__).resolve().parent.parent


class Environment(BaseSettings):
    """An installation's settings, read from the environment (prefix `FORESTOCK_`)."""

    model_config = SettingsConfigDict(env_prefix="FORESTOCK_", extra="ignore")

    secret_key: SecretStr | None = Field(None, description="Signs sessions and model artifacts. Required.")
    debug: bool = Field(False, description="Django's debug pages. Never in production.")
    allowed_hosts: Annotated[str, NoDecode] = Field("", description="Host names served, separated by commas.")
    insecure_http: bool = Field(False, description="Serve without TLS (demo, or a closed network).")
    database_url: str = Field(
        f"sqlite:///{BASE_DIR / 'var' / 'forestock.sqlite3'}",
        validation_alias="DATABASE_URL",
        description="sqlite:////absolute/path or postgres://user:password@host/name.",
    )
    broker_url: str = Field(
        "filesystem://",
        validation_alias="CELERY_BROKER_URL",
        description="redis://host:6379/0, or filesystem:// for a broker that needs no server.",
    )
    var_dir: Path = Field(BASE_DIR / "var", description="Uploads, model artifacts and the file broker.")
    buyer_hash_key: SecretStr | None = Field(
        None, description="Key of the hash that stands for a buyer. Default: derived from the secret key."
    )
    today: Literal["clock", "last-data-date"] = Field(
        "clock", description="What 'today' is: the clock, or the last day that has sales (for a demo)."
    )
    home_currency: str = Field("USD", description="Currency of totals and approval limits (ISO 4217).")
    time_zone: str = Field("UTC", description="Time zone of the pages.")
    threads: int = Field(1, ge=1, description="Threads of one forecast run.")
    stale_after_seconds: float = Field(
        60.0, gt=0, description="A running job silent for so long is taken up again."
    )
    retrain_days: int = Field(
        7, ge=0, description="Forecast models are trained anew when they are so old (0: in every run)."
    )
    event_days: int = Field(
        90, ge=1, description="Single shopper events are kept for so many days; their counts by day stay."
    )
    job_log_days: int = Field(90, ge=1, description="The logs of jobs are kept for so many days.")
    upload_limit_mb: int = Field(200, ge=1, description="Largest file taken by an import, unpacked.")
    image_model: str = Field(
        "", description="An ONNX file that makes photos into vectors. Default: EfficientNet-Lite0."
    )
    image_model_sha256: str = Field("", description="The SHA-256 that this file must have.")
    image_model_input: str = Field("image", description="The name of its input: 32-bit floats, RGB.")
    image_model_output: str = Field("embedding", description="The name of its output: one vector a photo.")
    image_model_size: int = Field(224, ge=16, le=1024, description="Width and height of its input in pixels.")
    image_model_mean: Annotated[str, NoDecode] = Field(
        "127", description="Taken from each pixel value (0 to 255): one number, or one for each channel."
    )
    image_model_scale: Annotated[str, NoDecode] = Field(
        "128", description="What is left is divided by this: one number, or one for each channel."
    )
    image_model_layout: Literal["NCHW", "NHWC"] = Field(
        "NCHW", description="Whether channels come before height and width, or after."
    )
    exceptions_least_money: float = Field(
        1.0, ge=0, description="Exceptions of less impact (home currency) are left out."
    )
    exceptions_most: int = Field(
        500, ge=1, description="So many exceptions of each kind are kept: those with the greatest impact."
    )
    exceptions_excess_days: float = Field(
        180.0, gt=0, description="Stock that lasts longer than so many days is excess."
    )
    exceptions_dead_days: int = Field(180, ge=1, description="Stock without a sale for so many days is dead.")
    exceptions_moq_days: float = Field(
        183.0, gt=0, description="An MOQ that lasts longer than so many days is an exception."
    )
    exceptions_slip_days: float = Field(
        2.0, ge=0, description="A supplier slips who takes so many days (and a quarter) longer than stated."
    )
    exceptions_cost_jump: float = Field(
        0.1, gt=0, description="A unit cost has jumped that moved by this share within 30 days."
    )
    exceptions_rate_jump: float = Field(
        0.05, gt=0, description="An exchange rate has jumped that moved by this share within 30 days."
    )
    exceptions_sentiment_drop: float = Field(
        0.1, gt=0, le=1, description="Reviews got worse where the share of praise fell by so much."
    )
    exceptions_spike_times: float = Field(
        3.0, gt=1, description="A week is a spike that sold so many times the mean of the eight before."
    )
    exceptions_trend_confidence: float = Field(
        0.6, ge=0, le=1, description="A trend has turned when its new class is so sure."
    )
    digest_hour: int = Field(
        6, ge=0, le=23, description="Exceptions are searched and mailed daily at this hour."
    )
    digest_cases: int = Field(20, ge=1, description="A daily e-mail lists so many exceptions.")
    site_url: str = Field(
        "", description="Address of the pages, for links in e-mails. Default: allowed host."
    )
    email_url: str = Field("", description="smtp://user:password@host:587, or empty: mail goes to the log.")
    default_from_email: str = Field("forestock@localhost", description="Sender of password mails.")
    log_level: str = Field("INFO", description="Level of the log.")
