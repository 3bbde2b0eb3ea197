from thoughtengine.demo.words import distinct, frequencies, telling, tokens


def test_words_are_lower_case_and_whole() -> None:
    assert tokens("Don't BREAK naïve_names, 12×") == ["don't", "break", "naïve", "names", "12"]


def test_nobody_quotes_paths_addresses_or_hashes() -> None:
    text = "Parser moved to src/net.py by dana@example.org, see https://example.org/tea (deadbeef1) and setup.py"
    assert distinct(text) == ["parser", "moved"]


def test_the_rarest_words_tell() -> None:
    texts = ["fix parser", "fix parser crash", "fix quoting"]
    assert telling("after that crash the parser quoting", frequencies(texts), 2) == ["crash", "quoting"]
    assert telling("", frequencies(texts), 2) == []
