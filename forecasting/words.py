"""The engine's names in people's words."""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

MODELS: dict[str, str | Promise] = {
    "seasonal_naive": _("Seasonal naive"),
    "moving_average": _("Moving average"),
    "lightgbm": _("LightGBM"),
    "ses": _("Exponential smoothing"),
    "croston": _("Croston (SBA)"),
    "tsb": _("TSB"),
    "ets": _("ETS"),
    "linear": _("Log-linear regression"),
    "tree": _("Decision tree"),
    "forest": _("Quantile forest"),
    "svr": _("Support vector regression"),
    "deep": _("Deep network"),
}
# With what makes distributions besides.
ALL_MODELS: dict[str, str | Promise] = {**MODELS, "look_alike": _("Look-alikes")}
CHAMPIONS = _("Champions together")
SEGMENTS: dict[str, str | Promise] = {
    "overall": _("All product-locations"),
    "smooth": _("Smooth demand"),
    "erratic": _("Erratic demand"),
    "intermittent": _("Intermittent demand"),
    "lumpy": _("Lumpy demand"),
}
STEPS: dict[str, str | Promise] = {
    "read": _("Reading the demand"),
    "panel": _("Laying out the panel"),
    "clean": _("Telling demand from sales"),
    "response": _("Response to price and promotion"),
    "features": _("Making features"),
    "backtest": _("Backtesting the models"),
    "calibrate": _("Calibrating the quantiles"),
    "score": _("Scoring, choosing champions"),
    "fit": _("Fitting the champions"),
    "distribution": _("Making the distributions"),
    "explain": _("Explaining the means"),
    "done": _("Finishing"),
    "store": _("Storing the distributions"),
}
SIGNAL_STEPS: dict[str, str | Promise] = {
    "reviews": _("Reading reviews"),
    "pictures": _("Looking at pictures"),
    "texts": _("Reading titles"),
    "categories": _("Suggesting categories"),
    "look_alikes": _("Finding look-alikes"),
    "trends": _("Telling trends"),
    "behaviour": _("Reading behaviour"),
}
# What a step may count in its report, in the order in which it is told.
SIGNAL_COUNTS: dict[str, str | Promise] = {
    "new": _("new"),
    "changed": _("changed"),
    "encoded": _("photos looked at"),
    "unreadable": _("unreadable"),
    "left_out": _("left out"),
    "products": _("products"),
    "launches": _("past launches"),
    "suggested": _("suggested"),
    "product_locations": _("product-locations"),
    "lost": _("with demand lost"),
    "contradicted": _("contradicted"),
    "categories": _("categories"),
    "markets": _("markets"),
}
LIKENESS: dict[str, str | Promise] = {
    "picture": _("picture"),
    "meaning": _("meaning of the title"),
    "title": _("words of the title"),
    "attributes": _("attributes"),
    "category": _("category"),
    "brand": _("brand"),
    "price": _("price"),
    "code": _("near SKU"),
}
TRIAL_STEPS: dict[str, str | Promise] = {
    "read": _("Reading demand and signals"),
    "try": _("Forecasting with and without each signal"),
}
SIGNALS: dict[str, str | Promise] = {
    "views": _("Page views"),
    "carts": _("Put in carts"),
    "wishlists": _("Put on wish lists"),
    "searches": _("Searches"),
    "stock_requests": _("Back-in-stock requests"),
    "review_volume": _("Number of reviews"),
    "review_sentiment": _("Sentiment of reviews"),
}
SIGNAL_MEANINGS: dict[str, str | Promise] = {
    "views": _("How often shoppers looked at a product, by period"),
    "carts": _("How often it was put in a cart, by period"),
    "wishlists": _("How often it was put on a wish list, by period"),
    "searches": _("How often it was searched for, by period"),
    "stock_requests": _("How many asked to hear when it is back, by period"),
    "review_volume": _("Reviews that were written, by period"),
    "review_sentiment": _("Mean probability of praise in the reviews of the last quarter"),
    "indicator": _("Market indicator: the latest value known"),
}
VERDICTS: dict[str, str | Promise] = {
    "helps": _("Used: it makes forecasts better"),
    "no_better": _("Shown, not used: no gain beyond chance"),
    "too_little": _("Shown, not used: what it gains is too little"),
    "wider": _("Shown, not used: the mean gets better, the quantiles get worse"),
    "redundant": _("Shown, not used: a better signal tells the same"),
    "unknown": _("Not tried: nothing is known of the products tried"),
    "short": _("Not tried: its data does not reach back far enough yet"),
    "constant": _("Not tried: it never changes"),
}
_TRAINED_ANEW = re.compile(
    r"the models of run (?P<number>\d+) can't be used \((?P<reason>.*)\): all were trained anew"
)
_FEW_FOLDS = re.compile(r"history is too short for (?P<asked>\d+) folds: (?P<used>\d+) used")
FREQUENCIES: dict[str, str | Promise] = {"D": _("Days"), "W": _("Weeks"), "M": _("Months")}


def name_of(words: Mapping[str, str | Promise], key: str) -> str:
    """The words for a name of the engine, a blend (`a+b`) or a segment with its ABC class (`smooth A`).

    The name itself where there are none yet.
    """
    if key in words:
        return str(words[key])
    if "+" in key:
        return " + ".join(name_of(words, part) for part in key.split("+"))
    head, _space, abc = key.rpartition(" ")
    if head in words:
        return gettext("%(segment)s, class %(abc)s") % {"segment": words[head], "abc": abc}
    return key


def signal_name(name: str, title: str = "") -> str:
    """What a signal is called: an indicator by its own name, or its code."""
    return title or name_of(SIGNALS, name.partition(":")[2] or name)


def signal_meaning(name: str) -> str:
    """What a signal is, in a sentence."""
    return name_of(SIGNAL_MEANINGS, name.partition(":")[0])


def alarm_reach(frequency: str, steps: int) -> str:
    """Which demand an alarm is about: that of the next period, or summed over some."""
    if steps == 1:
        return {"D": gettext("the next day"), "W": gettext("the next week"), "M": gettext("the next month")}[
            frequency
        ]
    words = {
        "D": gettext("the next %d days"),
        "W": gettext("the next %d weeks"),
        "M": gettext("the next %d months"),
    }
    return words[frequency] % steps


def alarm_effect(kind: str, effect: float) -> str:
    """How much an alarm matters, in words."""
    if kind == "coverage":
        return gettext("outside the 90%% band in %(share).0f%% of the periods") % {"share": 100 * effect}
    if kind == "drift":
        return gettext("errors %(ratio).1f times those expected") % {"ratio": effect}
    if effect < 0:
        return gettext("forecasts %(share).0f%% of sales too low") % {"share": -100 * effect}
    return gettext("forecasts %(share).0f%% of sales too high") % {"share": 100 * effect}


def warning_text(text: str) -> str:
    """A warning of the engine in the reader's language; as it is where there are no words for it yet."""
    anew = _TRAINED_ANEW.fullmatch(text)
    if anew is not None:
        return gettext(
            "The models of forecast %(number)s could not be used (%(reason)s): all were trained anew."
        ) % {"number": anew["number"], "reason": gettext(anew["reason"])}
    if text == "look-alikes were found later: no new products are forecast from them":
        return gettext("Look-alikes were found from later sales: no new products are forecast from them.")
    folds = _FEW_FOLDS.fullmatch(text)
    if folds is None:
        return text
    return str(
        _("The history is too short for %(asked)s backtest folds: %(used)s were used.") % folds.groupdict()
    )


LANGUAGES: dict[str, str | Promise] = {
    "en": _("English"),
    "zh": _("Chinese (simplified)"),
    "zh-Hant": _("Chinese (traditional)"),
    "ja": _("Japanese"),
    "ko": _("Korean"),
    "th": _("Thai"),
    "ar": _("Arabic"),
    "he": _("Hebrew"),
    "ru": _("Russian"),
    "de": _("German"),
    "fr": _("French"),
    "es": _("Spanish"),
    "it": _("Italian"),
    "pt": _("Portuguese"),
    "nl": _("Dutch"),
    "pl": _("Polish"),
    "tr": _("Turkish"),
}
LEFT_OUT: dict[str, str | Promise] = {
    "duplicate": _("copies of other reviews"),
    "spam": _("spam"),
    "empty": _("without words"),
}
ASPECTS: dict[str, str | Promise] = {
    "size": pgettext_lazy("aspect", "Size and fit"),
    "quality": pgettext_lazy("aspect", "Quality"),
    "price": pgettext_lazy("aspect", "Price"),
    "delivery": pgettext_lazy("aspect", "Delivery"),
    "packaging": pgettext_lazy("aspect", "Packaging"),
    "service": pgettext_lazy("aspect", "Service"),
    "battery": pgettext_lazy("aspect", "Battery"),
    "screen": pgettext_lazy("aspect", "Screen"),
    "sound": pgettext_lazy("aspect", "Sound"),
    "picture": pgettext_lazy("aspect", "Pictures"),
    "software": pgettext_lazy("aspect", "Software and setup"),
    "speed": pgettext_lazy("aspect", "Speed"),
    "use": pgettext_lazy("aspect", "Ease of use"),
    "look": pgettext_lazy("aspect", "Looks"),
    "comfort": pgettext_lazy("aspect", "Comfort and weight"),
    "material": pgettext_lazy("aspect", "Material"),
    "taste": pgettext_lazy("aspect", "Taste"),
    "smell": pgettext_lazy("aspect", "Smell"),
    "room": pgettext_lazy("aspect", "Room"),
    "place": pgettext_lazy("aspect", "Location"),
    "content": pgettext_lazy("aspect", "Content"),
}


def aspect_name(aspect: str) -> str:
    """A known aspect in the reader's language; a mined one is its own word."""
    return str(ASPECTS.get(aspect, aspect))
