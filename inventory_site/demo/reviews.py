"""Made-up reviews for the demo: English and Chinese sentences put together by a seeded draw."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

# aspect -> (praise, blame), in English and in Chinese.
_ENGLISH: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "taste": (
        ("Tastes great.", "The flavour is rich and not too sweet.", "My kids ask for it every week.",
         "Delicious, just as I remember it.", "Best taste for the money."),
        ("It tastes of nothing.", "Far too salty for us.", "There is a strange aftertaste.",
         "The flavour is not what it used to be.", "Nobody at home wanted to finish it."),
    ),
    "freshness": (
        ("Always fresh.", "It was fresh and kept for a whole week.", "The date was still far away."),
        ("It was stale when I opened it.", "Two days from its date, what a waste.",
         "Not fresh at all, half of it went in the bin.", "It had gone off before the date."),
    ),
    "packaging": (
        ("The packaging is easy to open and closes well.", "Nice sturdy pack.", "I like the small pack."),
        ("The package was torn.", "It leaked all over the bag.", "The lid was broken.",
         "So much plastic for so little."),
    ),
    "price": (
        ("Good value.", "You can't beat the price.", "Cheaper than the big brands and as good."),
        ("Too expensive for what it is.", "The price went up again.",
         "The pack got smaller, the price did not."),
    ),
    "delivery": (
        ("It came the same day.", "Delivery was quick and friendly.", "Arrived cold and well packed."),
        ("It came two days late.", "The driver left it in the rain.", "Half of my order was missing."),
    ),
}  # fmt: skip
_CHINESE: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "taste": (
        (
            "味道很好，家里人都喜欢。",
            "口感不错，不会太甜。",
            "很好吃，已经回购好几次了。",
            "味道浓郁，推荐。",
        ),
        ("味道太淡了，不好吃。", "太咸了，吃不下去。", "有一股怪味。", "味道不如以前了，失望。"),
    ),
    "freshness": (
        ("很新鲜。", "日期很新，放心。", "新鲜，保存了一个星期还很好。"),
        ("不新鲜，打开就有异味。", "快过期了才发货。", "收到时已经变质了，只能扔掉。"),
    ),
    "packaging": (
        ("包装很结实，没有破损。", "包装精美，送人也合适。", "小包装很方便。"),
        ("包装破了，漏得到处都是。", "盖子是坏的。", "包装太差了，都压扁了。"),
    ),
    "price": (
        ("价格实惠，性价比高。", "活动价很划算。", "物美价廉。"),
        ("太贵了，不值这个价。", "又涨价了。", "量变少了，价格却没变。"),
    ),
    "delivery": (
        ("送货很快，当天就到了。", "快递小哥态度很好。", "物流快，冰袋还没化。"),
        ("送货太慢，等了三天。", "少发了一件，客服也不理人。", "快递把箱子扔在雨里。"),
    ),
}
_SPAM = (
    "CLICK HERE www.cheap-pills.example !!! BEST PRICE !!! www.cheap-pills.example",
    "Earn $5000 a week from home, write to win@lottery.example now now now",
    "加微信 abc12345 领取优惠券，日赚五百，加微信 abc12345",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
)
# So many of the first products' praise falls in the last weeks; so many reviews are sent twice.
_FALLING, _FALLING_DAYS, _TWICE = 5, 56, 25


def reviews_make(skus: Sequence[str], *, last: date, count: int, seed: int = 0) -> pl.DataFrame:
    """Reviews of these products over the year up to `last`: the columns of a file of reviews.

    Each product has a quality of its own, aspect by aspect; the first few lose theirs in the last weeks. The
    rating follows from the sentences. Some are sent twice by other people, some are spam.
    """
    rng = np.random.default_rng(seed)
    aspects = list(_ENGLISH)
    quality = np.clip(
        rng.beta(5, 2, (len(skus), 1)) + rng.normal(0, 0.12, (len(skus), len(aspects))), 0.05, 0.97
    )
    weight = rng.gamma(1.0, 1.0, len(skus))
    weight[:_FALLING] = weight.max()
    rows = []
    for number in range(count):
        product = int(rng.choice(len(skus), p=weight / weight.sum()))
        ago = int(rng.integers(0, 365))
        is_falling = product < _FALLING and ago < _FALLING_DAYS
        is_chinese = rng.random() < 0.35
        words = _CHINESE if is_chinese else _ENGLISH
        chosen = rng.choice(len(aspects), size=int(rng.integers(1, 4)), replace=False)
        good = [rng.random() < (0.1 if is_falling else quality[product, place]) for place in chosen]
        sentences = [
            str(rng.choice(words[aspects[place]][0 if is_good else 1]))
            for place, is_good in zip(chosen, good, strict=True)
        ]
        share = float(np.mean(good))
        rating = int(np.clip(round(1 + 4 * share + rng.normal(0, 0.4)), 1, 5))
        text = ("" if is_chinese else " ").join(sentences)
        day = last - timedelta(days=ago)
        rows.append(_row(number, skus[product], day, rating, text, "zh" if is_chinese else "en"))
    for place in range(_TWICE):
        again = dict(rows[int(rng.integers(0, count))])
        again |= {"number": f"M{count + place:05}", "author": f"other {place}"}
        rows.append(again)
    for place, text in enumerate(_SPAM * 4):
        sku = skus[int(rng.integers(0, len(skus)))]
        day = last - timedelta(days=int(rng.integers(0, 365)))
        rows.append(_row(count + _TWICE + place, sku, day, 5, text, ""))
    return pl.DataFrame(rows)


def _row(number: int, sku: str, day: date, rating: int, text: str, language: str) -> dict[str, object]:
    return {
        "source": "made up",
        "number": f"M{number:05}",
        "sku": sku,
        "day": day,
        "rating": rating,
        "text": text,
        "language": language,
        "author": f"shopper {number % 700}",
        "is_assumed": True,
    }
