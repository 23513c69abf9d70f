# SPDX-License-Identifier: BSD-3-Clause
"""LuCI's catalogs of translations: what its po2lmo makes of a .po file.

An .lmo is the translations one after the other, each filled up to 4 bytes; then an index sorted by key, for each of
them 4 big-endian words: key (a hash of the English text), number of plural forms, offset, length; at the end the
offset of that index. Facts from LuCI's modules/luci-base/src (lib/lmo.c, po2lmo.c).
"""

import struct

import polib

_WORD = 0xFFFFFFFF


def hashed(text):
    """Paul Hsieh's SuperFastHash of UTF-8, seeded with the length, 32 bits; bytes are signed in it."""
    data = text.encode()
    value = len(data)

    def mixed(value, shift, back):
        value = (value ^ value << shift) & _WORD
        return (value + (value >> back)) & _WORD

    def signed(byte):
        return byte - 256 if byte > 127 else byte

    whole = len(data) & ~3
    for low, high in struct.iter_unpack("<HH", data[:whole]):
        value = (value + low) & _WORD
        value = ((value << 16) ^ (high << 11) ^ value) & _WORD
        value = (value + (value >> 11)) & _WORD
    rest = data[whole:]
    if len(rest) == 3:
        value = (value + int.from_bytes(rest[:2], "little")) & _WORD
        value ^= value << 16
        value = (value ^ signed(rest[2]) << 18) & _WORD
        value = (value + (value >> 11)) & _WORD
    elif len(rest) == 2:
        value = mixed((value + int.from_bytes(rest, "little")) & _WORD, 11, 17)
    elif rest:
        value = mixed((value + signed(rest[0])) & _WORD, 10, 1)
    for shift, back in ((3, 5), (4, 17), (25, 6)):
        value = mixed(value, shift, back)
    return value


def catalog(path):
    """The bytes of the .lmo. A control character in a text is a ValueError: po2lmo has its own idea of those."""
    file = polib.pofile(str(path))
    found = []  # (key, plural forms, text)
    plural = file.metadata.get("Plural-Forms")
    if plural:
        found.append((0, 0, plural))
    for entry in file:
        if entry.obsolete:
            continue
        name = f"{entry.msgctxt}\1{entry.msgid}" if entry.msgctxt else entry.msgid
        plurals = sorted(entry.msgstr_plural.items())
        forms = {f"{name}\2{number}": text for number, text in plurals} or {name: entry.msgstr}
        for key, text in forms.items():
            if any(character < " " for character in entry.msgid + text):
                raise ValueError(f"{path}: a control character in {entry.msgid!r}")
            if text and hashed(key) != hashed(text):
                found.append((hashed(key), len(forms), text))
    texts, index = b"", []
    for key, forms, text in found:
        data = text.encode()
        index.append(struct.pack(">4I", key, forms, len(texts), len(data)))
        texts += data + bytes(-len(data) % 4)
    return texts + b"".join(sorted(index)) + struct.pack(">I", len(texts))
