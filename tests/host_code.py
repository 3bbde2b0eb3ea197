"""The module of a host: a step for its payloads and an encoder, as the command line takes them by name."""

CODE = """
import numpy
import thoughtengine as te

hooks = te.Upgrades("acme")


@hooks.step("note", from_version=1, down=lambda note: {"text": note["body"]})
def note_1_to_2(note):
    return {"body": note["text"]}


class Vowels:
    name = fingerprint = "vowels"
    dimension = 5

    def __call__(self, texts):
        return numpy.array([[1 + text.count(vowel) for vowel in "aeiou"] for text in texts], numpy.float32)
"""
