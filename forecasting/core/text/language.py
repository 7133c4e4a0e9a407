"""Which language a text is in, by its script and, in Latin script, by its commonest words.

Unicode's blocks tell Chinese, Japanese, Korean, Thai, Arabic, Hebrew, Russian and others apart; kana among
Chinese characters means Japanese. Function words tell European languages apart, as Cavnar and Trenkle's
"N-Gram-Based Text Categorization" (1994, section 5) found that they do. Codes are those of BCP 47.
"""

from __future__ import annotations

import re
from collections import Counter

from forecasting.core.text.cleaning import TEXT_LIMIT

_LETTER = re.compile(r"[^\W\d_]")
_SCRIPTS = (
    ("en", 0x0041, 0x024F),
    ("el", 0x0370, 0x03FF),
    ("ru", 0x0400, 0x052F),
    ("hy", 0x0530, 0x058F),
    ("he", 0x0590, 0x05FF),
    ("ar", 0x0600, 0x077F),
    ("hi", 0x0900, 0x097F),
    ("bn", 0x0980, 0x09FF),
    ("ta", 0x0B80, 0x0BFF),
    ("th", 0x0E00, 0x0E7F),
    ("lo", 0x0E80, 0x0EFF),
    ("my", 0x1000, 0x109F),
    ("ka", 0x10A0, 0x10FF),
    ("ko", 0x1100, 0x11FF),
    ("km", 0x1780, 0x17FF),
    ("en", 0x1E00, 0x1EFF),
    ("ja", 0x3040, 0x30FF),
    ("zh", 0x3400, 0x9FFF),
    ("ko", 0xAC00, 0xD7AF),
    ("zh", 0x20000, 0x3FFFF),
)
_WORDS = {
    "en": "a i an no the and is it was this that for with not but very have you they are of my in on so",
    "de": "der die das und ist nicht ich ein eine mit es sehr für auf auch aber war den wir zu gut",
    "fr": "le la les et est pas je un une des pour avec très mais que qui ce sur dans c'est bien",
    "es": "el la los las y es no que un una muy con para por pero lo se del está mi bueno",
    "it": "il la gli e è non che un una molto con per ma di sono del ho anche questo si",
    "pt": "o a os as e é não que um uma muito com para por mas de do da eu produto bom",
    "nl": "de het een en is niet ik van dat met voor maar zeer goed op te ook zijn was dit",
    "pl": "i nie jest to się na w z do bardzo że ale jak za od dla po mnie produkt polecam",
    "tr": "ve bir bu çok için ama ile de da ne gibi daha ürün değil var güzel iyi kadar olarak geldi",
}
_COMMON = {name: frozenset(words.split()) for name, words in _WORDS.items()}
_TOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_SIMPLIFIED = (
    "这个们来为会时对发还没过么进给问开关买卖东质价钱错满意欢话让谢长见门间马鱼鸟车书电脑气热"
    "听说读写线红绿纸织网络机种类别乐坏图国学实体点亲爱难样态度务业产品包装货运单双满轻"
)
_TRADITIONAL = (
    "這個們來為會時對發還沒過麼進給問開關買賣東質價錢錯滿意歡話讓謝長見門間馬魚鳥車書電腦氣熱"
    "聽說讀寫線紅綠紙織網絡機種類別樂壞圖國學實體點親愛難樣態度務業產品包裝貨運單雙滿輕"
)
_MORE_TRADITIONAL = (
    "貴舊髒爛騙慢滿讚壓聲聞飯館覺應該當從後裡嗎麗爲與圍環廳顏質優惠誠懇換壽頭髮雖濕擠薦觸螢濾殼鏡寬題"
    "產賠償壓電話髮圓廣場義藝術處備戰龍鳳"
)
_MORE_SIMPLIFIED = (
    "贵旧脏烂骗慢满赞压声闻饭馆觉应该当从后里吗丽为与围环厅颜质优惠诚恳换寿头发虽湿挤荐触萤滤壳镜宽题"
    "产赔偿压电话发圆广场义艺术处备战龙凤"
)
_TO_SIMPLIFIED = {
    ord(old): new
    for old, new in zip(_TRADITIONAL + _MORE_TRADITIONAL, _SIMPLIFIED + _MORE_SIMPLIFIED, strict=True)
    if old != new
}
_ONLY_TRADITIONAL = frozenset(map(chr, _TO_SIMPLIFIED))
_ONLY_SIMPLIFIED = frozenset(_TO_SIMPLIFIED.values()) - _ONLY_TRADITIONAL


def language(text: str) -> str:
    """The text's language: en, zh (Chinese in simplified characters), zh-Hant (traditional), or another code
    that its script or words tell; '' where nothing does.
    """
    letters = _LETTER.findall(text[:TEXT_LIMIT])
    if not letters:
        return ""
    counts: Counter[str] = Counter()
    for letter, times in Counter(letters).items():
        counts[_script(ord(letter))] += times
    # A Chinese character says about as much as three letters do.
    for name in ("zh", "ja", "ko"):
        counts[name] *= 3
    if counts["ja"] and counts["ja"] * 6 >= counts["zh"]:
        counts["ja"] += counts.pop("zh")
    found = max(counts, key=lambda name: (counts[name], name))
    if found == "zh":
        traditional = sum(letter in _ONLY_TRADITIONAL for letter in letters)
        simplified = sum(letter in _ONLY_SIMPLIFIED for letter in letters)
        return "zh-Hant" if traditional > simplified else "zh"
    return _latin(text[:TEXT_LIMIT]) if found == "en" else found


def simplified(text: str) -> str:
    """The commonest traditional Chinese characters as simplified ones; as long as the text."""
    return text.translate(_TO_SIMPLIFIED)


def _script(code: int) -> str:
    for name, first, last in _SCRIPTS:
        if first <= code <= last:
            return name
    return ""


def _latin(text: str) -> str:
    words = _TOKEN.findall(text.lower())
    hits = {name: sum(word in common for word in words) for name, common in _COMMON.items()}
    best = max(hits, key=lambda name: hits[name])
    # One common word of plain letters is too little to call a text foreign.
    if hits[best] > hits["en"] and (hits[best] > 1 or not text.isascii()):
        return best
    plain = sum(character.isascii() for character in "".join(words))
    letters = sum(map(len, words))
    return "en" if hits["en"] or plain > 0.97 * letters else ""
