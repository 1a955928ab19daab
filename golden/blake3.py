"""BLAKE3 in plain Python, written from its specification: hash, key derivation, and the chaining
values of subtrees. It is slow on purpose of being readable, and refuses to be anything else."""

import struct

MASK = 0xFFFFFFFF
IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A,
      0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
COLUMNS_AND_DIAGONALS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                         (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))
CHUNK_START, CHUNK_END, PARENT, ROOT = 1, 2, 4, 8
DERIVE_KEY_CONTEXT, DERIVE_KEY_MATERIAL = 32, 64
CHUNK, BLOCK = 1024, 64


def _compress_source():
    """The seven rounds written out, because a loop over indices takes five times as long."""
    lines = ["def compress(cv, words, counter, length, flags):",
             "  v0,v1,v2,v3,v4,v5,v6,v7=cv",
             "  v8,v9,v10,v11=%d,%d,%d,%d" % IV[:4],
             "  v12,v13,v14,v15=counter&%d,counter>>32,length,flags" % MASK,
             "  " + ",".join("m%d" % i for i in range(16)) + "=words"]
    order = list(range(16))
    for _ in range(7):
        for step, (a, b, c, d) in enumerate(COLUMNS_AND_DIAGONALS):
            for word, right_d, right_b in ((order[2 * step], 16, 12), (order[2 * step + 1], 8, 7)):
                lines.append("  v%d=v%d+v%d+m%d&%d" % (a, a, b, word, MASK))
                lines.append("  t=v%d^v%d;v%d=(t>>%d|t<<%d)&%d" % (d, a, d, right_d, 32 - right_d, MASK))
                lines.append("  v%d=v%d+v%d&%d" % (c, c, d, MASK))
                lines.append("  t=v%d^v%d;v%d=(t>>%d|t<<%d)&%d" % (b, c, b, right_b, 32 - right_b, MASK))
        order = [order[i] for i in PERMUTATION]
    lines.append("  return (" + ",".join("v%d^v%d" % (i, i + 8) for i in range(8)) + ")")
    return "\n".join(lines)


_scope = {}
exec(_compress_source(), _scope)
compress = _scope["compress"]


def _words(block):
    return struct.unpack("<16I", block.ljust(BLOCK, b"\0"))


def _chunk(data, counter, key, flags, last_flags):
    """The chaining value of one chunk of at most 1,024 bytes."""
    cv = key
    ends = max(len(data) - 1, 0) // BLOCK * BLOCK
    for at in range(0, ends + 1, BLOCK):
        block = data[at:at + BLOCK]
        now = flags | (CHUNK_START if at == 0 else 0)
        if at == ends:
            now |= CHUNK_END | last_flags
        cv = compress(cv, _words(block), counter, len(block), now)
    return cv


def _parent(left, right, key, flags):
    return compress(key, left + right, 0, BLOCK, flags | PARENT)


def _tree(data, first, key, flags, last_flags):
    """The chaining value of a subtree that begins at chunk number `first`."""
    if len(data) <= CHUNK:
        return _chunk(data, first, key, flags, last_flags)
    half = CHUNK
    while half * 2 < len(data):
        half *= 2
    left = _tree(data[:half], first, key, flags, 0)
    right = _tree(data[half:], first + half // CHUNK, key, flags, 0)
    return _parent(left, right, key, flags | last_flags)


def _bytes(cv):
    return struct.pack("<8I", *cv)


def digest(data):
    """BLAKE3 of the data: 32 bytes."""
    return _bytes(_tree(memoryview(data).tobytes(), 0, IV, 0, ROOT))


def derive_key(context, material):
    """BLAKE3 key derivation: 32 bytes."""
    key = _tree(context.encode(), 0, IV, DERIVE_KEY_CONTEXT, ROOT)
    return _bytes(_tree(material, 0, key, DERIVE_KEY_MATERIAL, ROOT))


def subtree(data, offset):
    """The chaining value of a subtree that is not the whole input, `offset` bytes into it."""
    return _bytes(_tree(data, offset // CHUNK, IV, 0, 0))


def merge(hashes):
    """The root of two or more subtrees of equal power-of-two size (the last may be smaller)."""
    return _bytes(_merge([struct.unpack("<8I", item) for item in hashes], ROOT))


def _merge(items, last_flags):
    if len(items) == 1:
        return items[0]
    half = 1
    while half * 2 < len(items):
        half *= 2
    return _parent(_merge(items[:half], 0), _merge(items[half:], 0), IV, last_flags)
