"""Languages: their scripts, small words and letters, and which stemmer each has."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cache
from typing import NamedTuple

__all__ = ["DOUBT", "LANGUAGES", "SCRIPTS", "SCRIPT_WORDS", "Language", "is_plain", "script_of"]


class Language(NamedTuple):
    """A language that shares its script with another one and is told from it.

    Attributes
    ----------
    script : str
        A name in `SCRIPTS`.
    snowball : str
        Name of its Snowball stemmer; empty: there is none.
    words : frozenset of str
        Folded function words: they give it away, and they say little about what is asked.
    letters : str
        Letters that speak for it.
    """

    script: str
    snowball: str
    words: frozenset[str]
    letters: str


def _language(script: str, snowball: str, words: str, letters: str = "") -> Language:
    return Language(script, snowball, frozenset(words.split()), letters)


DOUBT = "?"
"""Code of texts that are in Latin letters and not in English, and whose language is not told."""

LANGUAGES = {
    "de": _language("latin", "german", """
        der die das und ist nicht ich ein eine einen einem einer dem den des mit von für auf sich auch wir haben hat zu
        zum zur sie es im am an in war was wird sind habe mein meine meinen wie noch nach bei aus nur oder aber wenn dass
        uns ihr ihm mir mich wurde wo wer wann warum welche welcher welches seit über beim vom hatte seine seinen ihre
        unsere dann schon sehr kein keine er so als um bis""", "äöü"),
    "fr": _language("latin", "french", """
        le la les un une des du de et est pas je il elle nous vous ils que qui dans pour avec sur ce cette ces mon ma mes
        son sa ses au aux en par plus ne se où quand comment quel quelle quels pourquoi mais ou était ai a ont avons suis
        notre votre leur chez y c'est j'ai d'un d'une qu'il qu'elle l'on n'a sont très""", "éèêëàâçîïôùûœ"),
    "es": _language("latin", "spanish", """
        el la los las un una unos de del y es no que en por para con se su sus mi mis al lo le como más pero cuando donde
        dónde cuándo qué quién cómo cuál ha he yo muy nos está fue era este esta hay porque ya también sin sobre desde
        hasta son tiene me te tu""", "ñáéíóú¿¡"),
    "it": _language("latin", "italian", """
        il lo la i gli le un una uno di del della dei delle dello e è non che in per con si su mi al alla ai alle ho ha
        sono come più ma quando dove chi cosa perché nel nella nei sul sulla da dal dalla mio mia suo sua questo questa
        anche abbiamo hanno era ci c'è quale dall dell""", "èéàìòù"),
    "pt": _language("latin", "portuguese", """
        o a os as um uma de do da dos das e é não que em por para com se seu sua meu minha ao à no na nos nas como mais
        mas quando onde quem qual foi era são está eu ele ela nós muito também já sem sobre até pelo pela isso este esta
        tem ter qual""", "ãõáéíóúâêôç"),
    "nl": _language("latin", "dutch", """
        de het een en is niet ik van voor met op aan dat die te zijn wij we hij zij ze heeft hebben heb had was werd naar
        bij ook om uit maar als dan er mijn jouw onze waar wie wat wanneer waarom welke hoe nog wel geen door over onder
        tot sinds deze dit haar hem of in""", "ëï"),
    "sv": _language("latin", "swedish", """
        och att det som en ett är inte jag på för med av den han hon vi de har hade till om var när vem vad hur varför
        vilken från sin sitt min mitt mina våra men eller så också efter då nu vår under vid i kan ska""", "åäö"),
    "da": _language("latin", "danish", """
        og at det som en et er ikke jeg på for med af den han hun vi de har havde til om var hvor hvornår hvem hvad
        hvordan hvorfor hvilken fra sin sit min mit mine vores men eller så også efter da nu ved i kan skal blev""", "æøå"),
    "no": _language("latin", "norwegian", """
        og å det som en et er ikke jeg på for med av den han hun vi de har hadde til om var hvor når hvem hva hvordan
        hvorfor hvilken fra sin sitt min mitt mine vår men eller så også etter da nå ved i kan skal ble""", "æøå"),
    "fi": _language("latin", "finnish", """
        ja on ei että se hän minä me te he oli ovat mutta kun jos niin kuin myös mitä missä milloin kuka miksi mikä miten
        minun sinun hänen meidän tämä sitä ole olen vain nyt jo sekä tai mistä mihin kanssa oma""", "äö"),
    "hu": _language("latin", "hungarian", """
        a az és hogy nem van egy is ez azt de volt meg csak már ha mit mi ki hol mikor miért melyik hogyan ő én te vagy
        mint amit ami fel el lett minden még után mert nagyon nekem neki""", "áéíóöőúüű"),
    "pl": _language("latin", "polish", """
        i w na z do nie się jest że to jak po od o za dla przez co kto gdzie kiedy dlaczego który która które czy ale był
        była było są mam ma mój moja moje jego jej ich u ze we przy już tylko bardzo też ten ta""", "ąćęłńśźżó"),
    "cs": _language("latin", "czech", """
        a v na s z do je se že to jak po od o za pro co kdo kde kdy proč který která které ale byl byla bylo jsou mám má
        můj moje jeho její jejich u ze ve při už jen velmi také ten ta jsem jsme nebo si""", "áčďéěíňóřšťúůýž"),
    "ro": _language("latin", "romanian", """
        și si în la de pe cu nu este un o a al ale că ca mai din pentru prin care ce cine unde când cum cât dar sau am ai
        au fost era sunt lui ei lor meu mea mei sa său după foarte am-a într-un""", "ăâîșțşţ"),
    "tr": _language("latin", "turkish", """
        ve bir bu da de için ile çok ne nerede kim neden nasıl hangi var yok ben sen o biz siz onlar daha gibi ama mi mı
        mu mü ki olarak her en sonra önce kadar benim onun bizim değil ya""", "çğıöşü"),
    "id": _language("latin", "indonesian", """
        yang dan di ke dari untuk dengan ini itu tidak ada saya kami kita dia mereka akan sudah telah pada adalah atau
        juga apa siapa mana kapan mengapa bagaimana karena oleh sebuah seorang"""),
    "ca": _language("latin", "catalan", """
        el la els les un una de del dels i és no que en per amb es al als meu meva seu seva com més però quan on qui què
        quin quina ha he hem han era va vam molt també sense sobre des fins perquè aquest aquesta hi""", "àçèéíòóúïü"),
    "hr": _language("latin", "serbian", """
        i u na s sa za je se da ne to kao po od do što tko ko gdje gde kada kad zašto koji koja koje ali bio bila bilo su
        sam smo ima moj moja moje njegov njen iz pri već samo vrlo također ili nije""", "čćđšž"),
    "ru": _language("cyrillic", "", """
        и в на с что как не это по от за для про кто где когда почему который которая какой какая какую но был была было
        мой моя его её их или уже только очень также у к из до мы он она они о об со во ли же бы""", "ыэё"),
    "uk": _language("cyrillic", "", """
        і й в у на з до не що це як по від за для про хто де коли чому який яка яке але був була було є мій моя його її їх
        та та або вже тільки дуже також цей ця ми вони""", "іїєґ"),
    "bg": _language("cyrillic", "", """
        и в на с от до не че това как по за ще се са съм сме си ли кой къде кога защо какво който която но беше има няма
        ми му ѝ ги ни вече само много също или във със""", "ѝ"),
    "sr": _language("cyrillic", "serbian", """
        и у на с са за је се да не то као по од до што ко где када кад зашто који која које али био била било су сам смо
        има мој моја моје његов њен из при већ само врло такође или није""", "јљњћђџ"),
    "be": _language("cyrillic", "", """
        і у ў на з да не што гэта як па ад за для пра хто дзе калі чаму які якая але быў была было ёсць мой мая яго яе іх
        ці або ўжо толькі вельмі таксама мы яны""", "ўі"),
    "ar": _language("arabic", "", """
        في من على إلى عن مع هذا هذه ما ماذا متى أين كيف لماذا كم هل أن كان كانت هو هي و أو لا التي الذي أي عند لي قرب""",
        "ةىإأيك"),
    "fa": _language("arabic", "persian", """
        و در به از که این را با است برای آن یک خود تا کرد بر هم نیز می من ما او شما آنها چه کجا کی چرا چگونه کدام بود شد
        اما یا هر است های""", "پچژگکی"),
    "ur": _language("arabic", "", """
        اور کی کے کا ہے میں سے کو نے پر ہیں یہ وہ تھا تھی تھے کہ نہیں ایک ہم میرے میری اس ان کیا کون کہاں کب کیوں بھی
        لیے ساتھ""", "ٹڈڑےںہ"),
    DOUBT: _language("latin", "", ""),
}  # fmt: skip
"""Code → language, in the order in which they win a tie."""

SCRIPTS = {
    "latin": "english", "cyrillic": "russian", "greek": "greek", "arabic": "arabic", "armenian": "armenian",
    "devanagari": "hindi", "tamil": "tamil", "hebrew": "", "other": "",
}  # fmt: skip
"""Script → Snowball stemmer of its words unless their text is guessed to be in another language; empty: there is none."""

_SCRIPT_WORDS_TEXT = """
    και το τα η ο οι τον την του της των σε στο στη στην με για από που πού τι ποιος ποια πότε γιατί πώς πόσο είναι ήταν
    έχει δεν να θα μου σου μας ένα μια ένας
    में से को का की के है हैं था थी थे और पर ने क्या कब कहाँ कहां कौन क्यों कैसे किस कितने यह वह मैं हम मेरा मेरी एक नहीं
    את של על עם אל מה מי מתי איפה למה איך כמה האם הוא היא הם אני אנחנו לא זה זאת היה הייתה יש או גם
"""
SCRIPT_WORDS = frozenset(_SCRIPT_WORDS_TEXT.split())
"""Function words of Greek, Hindi and Hebrew."""

_RANGES = [
    (0x00, "latin"), (0x370, "greek"), (0x400, "cyrillic"), (0x530, "armenian"), (0x590, "hebrew"), (0x600, "arabic"),
    (0x780, "other"), (0x900, "devanagari"), (0x980, "other"), (0xB80, "tamil"), (0xC00, "other"), (0x1C80, "cyrillic"),
    (0x1C90, "other"), (0x1D00, "latin"), (0x1F00, "greek"), (0x2000, "latin"), (0x2D00, "other"), (0x2DE0, "cyrillic"),
    (0x2E00, "latin"), (0x2E80, "other"), (0xA640, "cyrillic"), (0xA6A0, "other"), (0xA720, "latin"), (0xA800, "other"),
]  # fmt: skip
_STARTS = [start for start, _ in _RANGES]


def script_of(word: str) -> str:
    """Return the script of a word by its first character.

    Examples
    --------
    >>> script_of("tea"), script_of("чай"), script_of("תה")
    ('latin', 'cyrillic', 'hebrew')
    """
    return "latin" if word.isascii() else _RANGES[bisect_right(_STARTS, ord(word[0])) - 1][1]


_LETTERS = "[^\x00-\x7f\u2010-\u2015\u2018\u201a-\u201f\u2022\u2039\u203a\u20ac\u00a3\u00ab\u00b0\u00b7\u00bb]"
_compiled = cache(re.compile)  # when first needed


def is_plain(text: str) -> bool:
    """Tell whether a text has ASCII and typographic punctuation alone: then its words are ASCII.

    Examples
    --------
    >>> is_plain("“tea – 3 cups”"), is_plain("café")
    (True, False)
    """
    return text.isascii() or _compiled(_LETTERS).search(text) is None
