import io

import pytest

from thoughtengine.demo.page import Page, cells, one_line, shorten


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def drawn(page_of: io.TextIOBase) -> list[str]:
    page_of.seek(0)
    return page_of.read().splitlines()


def test_what_was_imported_cannot_steer_the_terminal() -> None:
    assert one_line("tea\x1b]0;owned\x07\r\nmilk\u202e\x9b31m") == "tea ]0;owned milk 31m"


@pytest.mark.parametrize("text", ["no coffee any more", "茶茶茶茶茶茶茶茶茶茶", "e\u0301" * 30, "x" * 500])
@pytest.mark.parametrize("columns", [1, 7, 16])
def test_shortened_text_fits(text: str, columns: int) -> None:
    assert cells(shorten(text, columns)) <= max(columns, 1)


def test_colour_only_on_a_terminal_that_wants_it() -> None:
    for stream, environment, coloured in (
        (Terminal(), {"TERM": "xterm"}, True),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {"TERM": "xterm"}, False),
    ):
        Page(stream, environment=environment).promise("held", True)
        assert ("\x1b[" in stream.getvalue()) is coloured


def test_every_row_fits_eighty_columns() -> None:
    stream = io.StringIO()
    page = Page(stream, environment={})
    page.heading(1, "A title")
    page.say("word " * 60)
    page.item("name", "word " * 60)
    page.promise("word " * 60, False)
    page.table([("", "one", "two"), ("a name that is far too long for its column " * 3, "1", "22")])
    assert max(cells(line) for line in drawn(stream)) <= 80


def test_a_narrow_encoding_gets_plain_signs() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    page = Page(stream, environment={})
    page.heading(1, "Title")
    page.promise("tea, 茶", True)
    assert raw.getvalue().decode("ascii").splitlines()[2] == "  + tea, ?"


def test_without_standard_output_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    Page().say("into the void")
