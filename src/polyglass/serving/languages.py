"""Codes of languages in, the code of a loaded model or an English name out; regional variants fold to their language.

Three habits meet here: models call languages as their trainer did ("en", "zh", "pt-BR"), LibreTranslate has codes of
its own for some ("zt", "pb"), and DeepL writes capitals and regions ("EN-GB").
"""

import re
from collections.abc import Collection

UNKNOWN = "und"
"""ISO 639-2 for a language that could not be told."""

_SAME = (
    ("zh", "zh-hans", "zh-cn", "zh-sg"),
    ("zt", "zh-hant", "zh-tw", "zh-hk"),
    ("pb", "pt-br"),
    ("nb", "no", "nn"),
    ("he", "iw"),
    ("id", "in"),
    ("fil", "tl"),
)
_LIBRETRANSLATE = {"zh": "zh-Hans", "zt": "zh-Hant", "pb": "pt-BR"}
_DEEPL_TARGETS = {"en": ("EN-GB", "EN-US"), "pt": ("PT-BR", "PT-PT")}
_REGIONS = {"EN-GB": "British", "EN-US": "American", "PT-BR": "Brazilian", "PT-PT": "European"}
_CODE = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8}){0,4}")

_NAMES = """
aa Afar|ab Abkhazian|af Afrikaans|ak Akan|am Amharic|an Aragonese|ar Arabic|as Assamese|ast Asturian|av Avaric
ay Aymara|az Azerbaijani|ba Bashkir|be Belarusian|bg Bulgarian|bi Bislama|bm Bambara|bn Bengali|bo Tibetan|br Breton
bs Bosnian|ca Catalan|ce Chechen|ceb Cebuano|ch Chamorro|ckb Central Kurdish|co Corsican|cr Cree|cs Czech
csb Kashubian|cu Church Slavonic|cv Chuvash|cy Welsh|da Danish|de German|dsb Lower Sorbian|dv Dhivehi|dz Dzongkha
ee Ewe|el Greek|en English|eo Esperanto|es Spanish|et Estonian|eu Basque|fa Persian|ff Fulah|fi Finnish|fil Filipino
fj Fijian|fo Faroese|fr French|fur Friulian|fy Western Frisian|ga Irish|gd Scottish Gaelic|gl Galician|gn Guarani
gsw Swiss German|gu Gujarati|gv Manx|ha Hausa|haw Hawaiian|he Hebrew|hi Hindi|hmn Hmong|hr Croatian|hsb Upper Sorbian
ht Haitian Creole|hu Hungarian|hy Armenian|hz Herero|ia Interlingua|id Indonesian|ig Igbo|ii Sichuan Yi|ik Inupiaq
ilo Iloko|io Ido|is Icelandic|it Italian|iu Inuktitut|ja Japanese|jv Javanese|ka Georgian|kab Kabyle|kg Kongo
ki Kikuyu|kj Kuanyama|kk Kazakh|kl Kalaallisut|km Khmer|kn Kannada|ko Korean|kok Konkani|kr Kanuri|ks Kashmiri
ku Kurdish|kv Komi|kw Cornish|ky Kyrgyz|la Latin|lb Luxembourgish|lg Ganda|li Limburgish|lij Ligurian|lmo Lombard
ln Lingala|lo Lao|lt Lithuanian|ltg Latgalian|lu Luba-Katanga|lv Latvian|mai Maithili|mg Malagasy|mh Marshallese
mi Maori|mk Macedonian|ml Malayalam|mn Mongolian|mr Marathi|ms Malay|mt Maltese|my Burmese|na Nauru|nap Neapolitan
nb Norwegian Bokmål|nd North Ndebele|nds Low German|ne Nepali|ng Ndonga|nl Dutch|nn Norwegian Nynorsk|no Norwegian
nr South Ndebele|nso Northern Sotho|nv Navajo|ny Nyanja|oc Occitan|oj Ojibwa|om Oromo|or Odia|os Ossetian|pa Punjabi
pap Papiamento|pb Portuguese (Brazil)|pi Pali|pl Polish|ps Pashto|pt Portuguese|qu Quechua|rm Romansh|rn Rundi
ro Romanian|ru Russian|rw Kinyarwanda|sa Sanskrit|sc Sardinian|scn Sicilian|sco Scots|sd Sindhi|se Northern Sami
sg Sango|si Sinhala|sk Slovak|sl Slovenian|sm Samoan|sn Shona|so Somali|sq Albanian|sr Serbian|ss Swati
st Southern Sotho|su Sundanese|sv Swedish|sw Swahili|szl Silesian|ta Tamil|te Telugu|tg Tajik|th Thai|ti Tigrinya
tk Turkmen|tl Tagalog|tn Tswana|to Tonga|tr Turkish|ts Tsonga|tt Tatar|tw Twi|ty Tahitian|udm Udmurt|ug Uyghur
uk Ukrainian|ur Urdu|uz Uzbek|ve Venda|vec Venetian|vi Vietnamese|vo Volapük|wa Walloon|war Waray|wo Wolof|xh Xhosa
yi Yiddish|yo Yoruba|yue Cantonese|za Zhuang|zh Chinese|zh-hans Chinese (simplified)|zh-hant Chinese (traditional)
zt Chinese (traditional)|zu Zulu
"""
_BY_CODE = dict(entry.split(" ", 1) for line in _NAMES.strip().splitlines() for entry in line.split("|"))


def is_code(text: str) -> bool:
    """Whether this could be the code of a language at all."""
    return _CODE.fullmatch(text) is not None


def name_of(code: str) -> str:
    """Return the English name of a language, or the code where none is known."""
    folded = code.lower().replace("_", "-")
    return _BY_CODE.get(folded) or _BY_CODE.get(folded.partition("-")[0], code)


def fold(code: str, known: Collection[str]) -> str | None:
    """Return which of the `known` codes is meant, or None.

    First the code as it is (whatever its case), then other names of the same language and writing, then the language
    without its region: "DE-at" is "de", "zh-TW" is "zt" or "zh-Hant", never "zh" unless there is nothing nearer.
    """
    by_folded = {one.lower().replace("_", "-"): one for one in known}
    folded = code.lower().replace("_", "-")
    base = folded.partition("-")[0]
    for candidate in (folded, *_also(folded), base, *_also(base)):
        if candidate in by_folded:
            return by_folded[candidate]
    return next((by_folded[one] for one in sorted(by_folded) if one.partition("-")[0] == base), None)


def for_libretranslate(code: str) -> str:
    """Return the code that LibreTranslate's clients know."""
    return _LIBRETRANSLATE.get(code, code)


def deepl_source(code: str) -> str:
    """Return the source code that DeepL's clients know: capitals, no region."""
    return ("zh" if code == "zt" else "pt" if code == "pb" else code).partition("-")[0].upper()


def deepl_targets(code: str) -> list[tuple[str, str]]:
    """Return (code, name) of the targets that DeepL's clients may ask for; they refuse a bare EN or PT."""
    if code in _DEEPL_TARGETS:
        return [(target, f"{name_of(code)} ({_REGIONS[target]})") for target in _DEEPL_TARGETS[code]]
    return [({"zt": "ZH-HANT", "pb": "PT-BR"}.get(code, code.upper()), name_of(code))]


def _also(code: str) -> tuple[str, ...]:
    return next((names for names in _SAME if code in names), ())
