import pytest

from tests.indexes import ask, entry, index_of
from thoughtengine.memory.index.analysis import fold_text, stem, terms_of_cue, terms_of_text, words
from thoughtengine.memory.index.guess import guess
from thoughtengine.memory.index.index import Row
from thoughtengine.memory.index.languages import DOUBT, LANGUAGES, script_of


def language(text: str) -> str:
    folded = fold_text(text)
    return guess(folded, words(folded))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Wir haben gestern neue Vorhänge gekauft", "de"),
        ("Nous avons laissé les clés chez la voisine", "fr"),
        ("Dejé las llaves en el cajón de la cocina", "es"),
        ("Ho comprato le fragole al mercato", "it"),
        ("Não sei onde estão as chaves", "pt"),
        ("Ik heb gisteren aardbeien gekocht", "nl"),
        ("Jag köpte jordgubbar på torget", "sv"),
        ("Kupiłam świeże truskawki na targu", "pl"),
        ("Koupila jsem jahody na trhu", "cs"),
        ("Isoäiti istutti ruusuja ja kasteli niitä", "fi"),
        ("Dün pazardan çilek aldım", "tr"),
        ("Az orvos cseppeket írt fel köhögésre", "hu"),
        ("Я купила полуницю на базарі", "uk"),
        ("Купих ягоди и ще правя сладко", "bg"),
        ("Я купила клубнику на базаре", ""),
        ("کلیدها را پیش خاله گذاشتیم", "fa"),
        ("تركنا المفتاح عند خالتي", ""),
        ("I gave up coffee in March", ""),
        ("We watched Das Boot with José at the café", ""),
        ("Great pizza tonight!", ""),
        ("Smörgås ångrad", DOUBT),
        ("Hà Nội mùa thu", DOUBT),
        ("猫が好き", ""),
        ("", ""),
    ],
)
def test_a_language_is_told_by_small_words_and_letters(text: str, code: str) -> None:
    assert language(text) == code


def test_a_script_is_told_by_the_first_letter() -> None:
    found = [script_of(word) for word in ("tea", "été", "чай", "τσάι", "شاي", "תה", "चाय", "茶", "թեյ")]
    assert found == ["latin", "latin", "cyrillic", "greek", "arabic", "hebrew", "devanagari", "other", "armenian"]


def test_stems_follow_script_and_language() -> None:
    assert stem("книгами") == stem("книга")
    assert stem("σπίτια") == stem("σπίτι")
    assert stem("küchen", "de") == stem("küche", "de") == "kuch"
    assert stem("école", "fr") == stem("ecole", "fr")  # without accents, as it is typed in a hurry


@pytest.mark.parametrize(
    ("text", "cue"),
    [
        ("Wir haben die Vorhänge in der Küche gewaschen", "Vorhang"),  # one word has no language of its own
        ("Kupiliśmy nowe książki dla dzieci", "książka"),
        ("Мы видели старые дома", "старый дом"),
        ("Ми бачили червоні троянди", "червона троянда"),  # no stemmer: n-grams
        ("סבתא שתלה ורדים בגינה", "הגינה"),
        ("Smörgåsarna ångrades", "smörgås"),  # no language told: n-grams
        ("Nous avons vu l'école", "ecoles"),
    ],
)
def test_other_forms_of_a_word_are_found(text: str, cue: str) -> None:
    index = index_of(entry("Something else was said here."), entry(text))
    assert ask(index, cue).ids.tolist() == [2]


@pytest.mark.parametrize(
    ("text", "cue"),
    [
        ("İstanbul'da yaşıyoruz ve çok güzel bir şehir", "İstanbul"),
        ("İstanbul çok güzel bir şehir", "istanbul"),
        ("İSTANBUL çok güzel bir şehir", "Istanbul"),
        ("We flew to İstanbul with her", "Istanbul"),
        ("We flew to Istanbul with her", "İstanbul"),
        ("The café is open", "cafe"),
        ("The cafe is open", "café"),
        ("José and Maria", "Jose"),
        ("Jose and Maria", "José"),
        ("Zoë is here", "Zoe"),
        ("Renée came", "Renee"),
        ("We met Müller and Beyoncé", "muller"),
        ("We met Müller and Beyoncé", "Beyonce"),
        ("Two cafés are open", "cafe"),
        ("soft\u00adware update", "software"),
        ("software update", "soft\u00adware"),
        ("Order №4711 shipped", "4711"),
    ],
)
def test_dots_accents_and_soft_hyphens_are_not_needed(text: str, cue: str) -> None:
    index = index_of(entry("Something else was said here."), entry(text))
    assert ask(index, cue).ids.tolist() == [2]


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ("Łukasz", "Lukasz"),
        ("Wałęsa", "Walesa"),
        ("Søren", "Soren"),
        ("Bjørnsen", "Bjornsen"),
        ("Đorđe", "Dorde"),
        ("cœur", "coeur"),
        ("Æsop", "Aesop"),
        ("Guðrún", "Gudrun"),
        ("Þór", "Thor"),
        ("Ħamrun", "Hamrun"),
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        "We met {} at the station",
        "Powiedział nam {}, że nie przyjedzie w środę",
        "Vi har købt to bøger af {} på torvet",
        "Nous avons vu {} dans la rue",
        "Jučer je {} kupio novu knjigu, ali što je to",
        "Smörgås ångrad {}",  # no language told: n-grams
    ],
)
def test_nor_are_strokes_and_ligatures(written: str, typed: str, text: str) -> None:
    for one, other in ((written, typed), (typed, written)):
        index = index_of(entry("Something else was said here."), entry(text.format(one)))
        assert ask(index, other).ids.tolist() == [2]


@pytest.mark.parametrize(
    ("written", "typed", "text"),
    [
        ("powiedział", "powiedzial", "{} nam, że nie przyjedzie w środę"),
        ("udało", "udalo", "Nie {} się nam, bo był tam kto"),
        ("populær", "populaer", "Det var en {} bog af ham på torvet"),
        ("Þórdís", "Thordis", "Nous avons vu {} dans la rue"),
        ("première", "premiere", "La {} fois que nous avons vu Dana"),
        ("fotoğrafları", "fotograflari", "{} çok güzel ve yeni bir şehir"),
        ("megérkezése", "megerkezese", "A {} nagyon jó volt és ő is"),
    ],
)
def test_nor_where_the_stemmer_knows_an_ending_by_them(written: str, typed: str, text: str) -> None:
    for one, other in ((written, typed), (typed, written)):
        index = index_of(entry(text.format("canoe")), entry(text.format(one)))
        assert 2 in ask(index, other).ids.tolist()
    once, twice = (ask(index_of(entry(text.format(written))), cue).scores[0] for cue in (typed, written))
    assert once <= twice * 1.001


@pytest.mark.parametrize(("written", "typed"), [("Łukasz", "Lukasz"), ("Søren", "Soren"), ("œuvre", "oeuvre")])
def test_nor_in_sources_and_tags(written: str, typed: str) -> None:
    for one, other in ((written, typed), (typed, written)):
        index = index_of(entry("Tea."), entry("Tea.", source=one), entry("Tea.", tags=[one]))
        assert sorted(ask(index, other).ids.tolist()) == [2, 3]


@pytest.mark.parametrize(
    "text",
    [
        "Dün çarşıdan yeni bir lamba aldım ve kapıyı kapattım.",
        "DÜN ÇARŞIDAN YENİ BİR LAMBA ALDIM VE KAPIYI KAPATTIM.",
        "Aldım, kapattım, kapıyı çarşıdan",  # of which only that it is not English is told
    ],
)
@pytest.mark.parametrize("cue", ["aldım", "ALDIM", "kapattım", "KAPATTIM", "kapıyı", "KAPIYI", "çarşıdan", "ÇARŞIDAN"])
def test_case_makes_no_difference_to_a_dotless_i(text: str, cue: str) -> None:
    index = index_of(entry("Bir şey daha söylendi, ama o değil."), entry(text))
    assert ask(index, cue).ids.tolist() == [2]


@pytest.mark.parametrize(("tag", "cue"), [("Işık", "IŞIK"), ("IŞIK", "ışık"), ("ışık", "işik")])
def test_nor_among_tags(tag: str, cue: str) -> None:
    assert ask(index_of(entry("Tea at four."), entry("Tea at five.", tags=[tag])), cue).ids.tolist() == [2]


def test_a_source_is_named_with_or_without_its_accents() -> None:
    index = index_of(entry("Tea at four.", source="Bob"), entry("Tea at four.", source="José"))
    assert ask(index, "tea Jose").ids.tolist()[0] == 2


def test_accents_count_where_only_they_tell_words_apart() -> None:
    """In a language that is not told."""
    index = index_of(entry("Hà Nội mùa thu"), entry("Hà Nội mưa rào"))
    assert ask(index, "mùa").ids.tolist()[0] == 1


def test_a_word_as_it_stands_is_found_in_every_language() -> None:
    texts = ["I met Dana at noon", "Ich habe Dana nicht gesehen", "Nous avons vu Dana dans la rue", "Видела Dana"]
    assert sorted(ask(index_of(*map(entry, texts)), "Dana").ids.tolist()) == [1, 2, 3, 4]


def test_an_english_mind_is_asked_in_english_alone() -> None:
    index = index_of(entry("I gave up coffee in March"))
    assert index.view().totals.languages == ()
    assert len(terms_of_cue("coffee", index.view().totals.languages)) == 1


def test_the_index_knows_the_languages_it_holds() -> None:
    german, french = entry("Wir haben das nicht"), entry("Nous avons vu cette école")
    index = index_of(german, entry("not in German"))
    index.add(Row(9, french))
    assert (german.language, french.language) == ("de", "fr")
    assert index.view().totals.languages == ("de", "fr")


def test_a_word_counts_whole_or_by_its_pieces() -> None:
    (word, *pieces) = terms_of_cue("הגינה")
    assert (word.share, word.is_whole) == (1.0, True)
    assert sum(piece.share for piece in pieces) == pytest.approx(0.5)
    assert not any(piece.is_whole for piece in pieces)
    assert [term.share for term in terms_of_cue("троянда", ("uk",))][:2] == [1.0, 0.5]


def test_numbers_are_the_same_in_every_language() -> None:
    _, terms, code = terms_of_text("wir haben 12 äpfel")
    assert code == "de"
    assert terms_of_cue("12")[0].key in terms


def test_every_language_has_what_it_is_told_by() -> None:
    assert all(language.words for code, language in LANGUAGES.items() if code != DOUBT)


@pytest.mark.parametrize(("text", "code"), [("őű ğı", "hu"), ("ğı őű", "tr")])
def test_of_equals_the_one_that_is_met_first_wins_in_every_process(text: str, code: str) -> None:
    assert language(text) == code
