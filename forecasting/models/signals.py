"""What reviews, pictures, titles and sales say of products: read by a run, shown, and used by forecasts."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from catalog.models import Category, Job, Location, Product, Review


class SignalRun(Job):
    """One reading of all signals: what was known, and what each step found."""

    as_of = models.DateField(_("as of"), help_text=_("The last day whose facts were used."))
    known_at = models.DateTimeField(_("known at"), help_text=_("Facts recorded later were not used."))
    versions = models.JSONField(_("versions"), default=dict, blank=True)
    report = models.JSONField(_("report"), default=dict, blank=True)

    class Meta:
        verbose_name = _("reading of signals")
        verbose_name_plural = _("readings of signals")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return str(_("Reading of signals %(number)s") % {"number": self.pk})


class ReviewReading(models.Model):
    """What was read out of a review: how likely it praises, in which language, what it speaks of.

    `aspects` is a list of {"aspect", "p_positive", "start", "end"}: the part of the text from start to end
    says something of the aspect. A review that is left out keeps its reading and the reason.
    """

    class LeftOut(models.TextChoices):
        """Why a review does not count."""

        DUPLICATE = "duplicate", _("Duplicate")
        SPAM = "spam", _("Spam")
        EMPTY = "empty", _("No words")

    review = models.OneToOneField(
        Review,
        verbose_name=_("review"),
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="reading",
    )
    p_positive = models.FloatField(_("probability of praise"), null=True)
    language = models.CharField(_("language"), max_length=8, blank=True)
    left_out = models.CharField(_("left out"), max_length=9, choices=LeftOut, blank=True)
    aspects = models.JSONField(_("aspects"), default=list, blank=True)
    model_id = models.CharField(_("model"), max_length=120)
    text_sha = models.CharField(_("SHA-256 of the text"), max_length=64)

    class Meta:
        verbose_name = _("reading of a review")
        verbose_name_plural = _("readings of reviews")
        constraints = [
            models.CheckConstraint(
                condition=Q(p_positive=None) | Q(p_positive__gte=0, p_positive__lte=1),
                name="review_reading_is_a_probability",
            )
        ]

    def __str__(self) -> str:
        return str(self.review_id)


class ProductVoice(models.Model):
    """What the reviews of a product add up to. Shares are of praise, 0 to 1, with a 90% interval."""

    product = models.OneToOneField(
        Product, verbose_name=_("product"), on_delete=models.CASCADE, primary_key=True, related_name="voice"
    )
    as_of = models.DateField(_("as of"))
    reviews = models.PositiveIntegerField(_("reviews"))
    left_out = models.PositiveIntegerField(_("left out"), default=0)
    level = models.FloatField(_("share of praise"), null=True, db_index=True)
    low = models.FloatField(_("at least"), null=True)
    high = models.FloatField(_("at most"), null=True)
    before = models.FloatField(_("share of praise before the change"), null=True)
    change = models.FloatField(
        _("change"), null=True, db_index=True, help_text=_("Of the share of praise, at the last change.")
    )
    changed_on = models.DateField(_("changed on"), null=True)
    aspects = models.JSONField(_("aspects"), default=list, blank=True)
    months = models.JSONField(_("months"), default=list, blank=True)

    class Meta:
        verbose_name = _("voice of a product's reviews")
        verbose_name_plural = _("voices of products' reviews")
        ordering = ["product"]

    def __str__(self) -> str:
        return str(self.product_id)


class ProductVector(models.Model):
    """A product's title or picture as a vector: little-endian float16, of unit length."""

    class Kind(models.TextChoices):
        """What was encoded."""

        TEXT = "text", _("Title and attributes")
        IMAGE = "image", _("Picture")

    product = models.ForeignKey(
        Product, verbose_name=_("product"), on_delete=models.CASCADE, related_name="vectors", db_index=False
    )
    kind = models.CharField(_("kind"), max_length=5, choices=Kind)
    model_id = models.CharField(_("model"), max_length=120)
    content_sha = models.CharField(_("SHA-256 of the content"), max_length=64)
    vector = models.BinaryField()

    class Meta:
        verbose_name = _("product vector")
        verbose_name_plural = _("product vectors")
        constraints = [models.UniqueConstraint(fields=["product", "kind"], name="product_vector_is_unique")]

    def __str__(self) -> str:
        return f"{self.product_id}: {self.kind}"


class CategorySuggestion(models.Model):
    """The category that a product's picture and title speak for; `contradicts` the one that it has.

    `best` is a list of [category id, probability], the likeliest first.
    """

    class Basis(models.TextChoices):
        """What the suggestion was made from."""

        IMAGE = "image", _("Picture")
        TEXT = "text", _("Title")
        BOTH = "both", _("Picture and title")

    class State(models.TextChoices):
        """What became of it."""

        OPEN = "open", _("Open")
        ACCEPTED = "accepted", _("Accepted")
        DISMISSED = "dismissed", _("Dismissed")

    product = models.OneToOneField(
        Product,
        verbose_name=_("product"),
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="category_suggestion",
    )
    category = models.ForeignKey(
        Category, verbose_name=_("category"), on_delete=models.CASCADE, related_name="+"
    )
    probability = models.FloatField(_("probability"))
    contradicts = models.BooleanField(_("contradicts the category it has"), default=False)
    basis = models.CharField(_("basis"), max_length=5, choices=Basis)
    best = models.JSONField(_("likeliest categories"), default=list)
    content_sha = models.CharField(_("SHA-256 of the content"), max_length=64)
    model_id = models.CharField(_("model"), max_length=120)
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.OPEN)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("decided by"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)

    class Meta:
        verbose_name = _("suggested category")
        verbose_name_plural = _("suggested categories")
        ordering = ["-probability", "product"]
        indexes = [models.Index(fields=["state", "contradicts", "-probability"], name="category_open")]

    def __str__(self) -> str:
        return f"{self.product_id}: {self.category_id}"


class LookAlike(models.Model):
    """A product whose past stands in for one that has none. The weights of a product's look-alikes sum to 1.

    `parts` says what is alike: name of the part (picture, title, price ...) to likeness, 0 to 1. `as_of` is
    the last day whose sales were used (None: of no day), `known_at` when the facts used were known.
    """

    product = models.ForeignKey(
        Product,
        verbose_name=_("product"),
        on_delete=models.CASCADE,
        related_name="look_alikes",
        db_index=False,
    )
    neighbour = models.ForeignKey(
        Product, verbose_name=_("look-alike"), on_delete=models.CASCADE, related_name="+"
    )
    weight = models.FloatField(_("weight"))
    parts = models.JSONField(_("parts"), default=dict)
    as_of = models.DateField(_("as of"), null=True, blank=True)
    known_at = models.DateTimeField(_("known at"), default=timezone.now)

    class Meta:
        verbose_name = _("look-alike")
        verbose_name_plural = _("look-alikes")
        ordering = ["product", "-weight"]
        constraints = [
            models.UniqueConstraint(fields=["product", "neighbour"], name="look_alike_is_unique"),
            models.CheckConstraint(
                condition=~Q(product=F("neighbour")), name="look_alike_is_another_product"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product_id}: {self.neighbour_id}"


class LookAlikeChoice(models.Model):
    """A buyer's word on a look-alike: it stays out, or it is in, whatever is computed."""

    class Choice(models.TextChoices):
        """In or out."""

        ADDED = "added", _("Added")
        REMOVED = "removed", _("Removed")

    product = models.ForeignKey(
        Product,
        verbose_name=_("product"),
        on_delete=models.CASCADE,
        related_name="look_alike_choices",
        db_index=False,
    )
    neighbour = models.ForeignKey(
        Product, verbose_name=_("look-alike"), on_delete=models.CASCADE, related_name="+"
    )
    choice = models.CharField(_("choice"), max_length=7, choices=Choice)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("decided by"), on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(_("decided"), auto_now=True)

    class Meta:
        verbose_name = _("choice of a look-alike")
        verbose_name_plural = _("choices of look-alikes")
        ordering = ["product", "neighbour"]
        constraints = [
            models.UniqueConstraint(fields=["product", "neighbour"], name="look_alike_choice_is_unique"),
            models.CheckConstraint(condition=~Q(product=F("neighbour")), name="look_alike_choice_is_another"),
        ]

    def __str__(self) -> str:
        return f"{self.product_id}: {self.choice} {self.neighbour_id}"


class TrendReading(models.Model):
    """Where the demand of a product, a category or a market is going, as a run saw it, and why.

    `score` ranks early movers; `evidence` holds the figures behind the class, `sparkline` the last weeks.
    """

    class Kind(models.TextChoices):
        """What is going somewhere."""

        PRODUCT = "product", _("Product")
        CATEGORY = "category", _("Category")
        MARKET = "market", _("Market")

    class Trend(models.TextChoices):
        """Where it is going."""

        RISING = "rising", _("Rising")
        STABLE = "stable", _("Stable")
        FALLING = "falling", _("Falling")
        PEAK = "peak", _("Seasonal peak ahead")
        NEW = "new", _("New")
        FADING = "fading", _("Fading")
        LUMPY = "lumpy", _("Lumpy")

    run = models.ForeignKey(
        SignalRun, verbose_name=_("run"), on_delete=models.CASCADE, related_name="trends", db_index=False
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    product = models.ForeignKey(
        Product, verbose_name=_("product"), on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    category = models.ForeignKey(
        Category,
        verbose_name=_("category"),
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
    )
    location = models.ForeignKey(
        Location,
        verbose_name=_("location"),
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
    )
    trend = models.CharField(_("trend"), max_length=8, choices=Trend)
    previous = models.CharField(_("trend before"), max_length=8, choices=Trend, blank=True)
    confidence = models.FloatField(_("confidence"))
    score = models.FloatField(_("score"), default=0.0)
    evidence = models.JSONField(_("evidence"), default=dict)
    sparkline = models.JSONField(_("last weeks"), default=list)

    class Meta:
        verbose_name = _("trend")
        verbose_name_plural = _("trends")
        ordering = ["-score", "pk"]
        indexes = [models.Index(fields=["run", "kind", "trend", "-score"], name="trend_board")]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="product", product__isnull=False, category=None, location=None)
                | Q(kind="category", product=None, category__isnull=False, location=None)
                | Q(kind="market", product=None, category=None, location__isnull=False),
                name="trend_is_of_its_kind",
            )
        ]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.trend}"
