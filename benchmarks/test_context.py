"""Evidence inside a budget: `benchmarks.quality.context` on a conversation of three turns."""

from benchmarks.quality import context
from benchmarks.test_conversations import conversation

__all__ = ["conversation"]  # the fixture


def test_every_way_has_its_row(conversation: context.Conversation) -> None:
    rows = context.rows([conversation], [5, 1000])
    by_name = {(row[0], row[1]): row[2:] for row in rows}
    assert len(rows) == 2 + len(context.WAYS) + 1
    assert by_name["thoughtengine", 1000][:4] == by_name["ten plain hits", 1000][:4] == ["100.0"] * 4
    assert by_name["thoughtengine", 5][:5] == ["0.0"] * 4 + ["0"]


def test_only_what_is_on_the_page_is_inside() -> None:
    page = "Mon 2023-05-08 13:56\n[3] Dana: I gave up\n  coffee.\n[4] Bob: … a canoe …"
    inside = context._inside(page, {3: "I gave up coffee.", 4: "Look! a canoe", 5: "coffee."}, 0.0)
    assert (inside.wanted, inside.full, inside.by_id) == (3, 1, 2)
