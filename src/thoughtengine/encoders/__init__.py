"""ENCODE: what turns texts into vectors, given by the host or made here; there is none by default."""

from thoughtengine.encoders.protocol import Encoder, TokenEncoder, check_encoder, encode, spell
from thoughtengine.encoders.static import wordllama

__all__ = ["Encoder", "TokenEncoder", "check_encoder", "encode", "spell", "wordllama"]
