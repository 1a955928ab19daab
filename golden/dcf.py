"""DCF version 1 and the old form, in plain Python, written from the laws and from README.md beside
this file, not from the Rust. Values are pairs (kind, payload): ("i64", 5), ("list", [...])."""

import struct

import blake3

MIB = 1 << 20
LIMITS = {"recipe": 4 * MIB, "record": 8 * MIB, "trace": 64 * MIB, "manifest": 64 * MIB}
LEGACY_BYTES = 10 * MIB
INPUTS, PARAMS, TEXT, NESTING = 65536, 4096, 65536, 32
TYPES = {1: "recipe", 2: "record", 3: "trace", 4: "manifest"}
CONTEXTS = {"record": "deriva 2026 record v1", "trace": "deriva 2026 trace v1",
            "manifest": "deriva 2026 manifest v1"}
CUTOFF_CONTEXT = "deriva 2026 cutoff v1"
KINDS = ["string", "i64", "bool", "bytes", "list", "f64"]


class Refused(Exception):
    """Bytes that are not what was asked for: a reason and, over a limit, what was too large."""

    def __init__(self, reason, what=None):
        super().__init__(reason if what is None else "%s (%s)" % (reason, what))
        self.reason, self.what = reason, what


def within(what, limit, got):
    if got > limit:
        raise Refused("over-limit", what)


class Source:
    """A place in hostile bytes. `wide` is the old form: u64 lengths, little-endian numbers."""

    def __init__(self, data, wide=False):
        self.data, self.at, self.wide = data, 0, wide

    def take(self, count):
        if count > len(self.data) - self.at:
            raise Refused("truncated")
        self.at += count
        return self.data[self.at - count:self.at]

    def u8(self):
        return self.take(1)[0]

    def u64(self):
        return struct.unpack(">Q", self.take(8))[0]

    def i64(self):
        return struct.unpack("<q" if self.wide else ">q", self.take(8))[0]

    def length(self):
        return struct.unpack("<Q", self.take(8))[0] if self.wide else struct.unpack("<I", self.take(4))[0]

    def kind(self):
        number = struct.unpack("<I", self.take(4))[0] if self.wide else self.u8()
        if number >= (5 if self.wide else 6):
            raise Refused("bad-kind")
        return KINDS[number]

    def count(self, item, what=None, limit=None):
        count = self.length()
        if what is not None:
            within(what, limit, count)
        if count * item > len(self.data) - self.at:
            raise Refused("truncated")
        return count

    def text(self, what):
        size = self.length()
        within(what, TEXT, size)
        return self.take(size)

    def string(self):
        try:
            return self.text("string").decode("utf-8")
        except UnicodeDecodeError:
            raise Refused("bad-utf8") from None

    def finish(self):
        if self.at != len(self.data):
            raise Refused("trailing")

    def fields(self, readers):
        """A struct whose fields 1, 2, … are all always present; one reader a field."""
        announced, out, known = self.u8(), [], len(readers)
        for tag, read in enumerate(readers, 1):
            if announced < tag:
                raise Refused("missing-field")
            found = self.u8()
            if found != tag:
                self.misplaced(found, tag - 1, known)
            out.append(read())
        if announced > known:
            self.misplaced(self.u8(), known, known)
        return out

    @staticmethod
    def misplaced(found, last, known):
        if found == 0 or found > known:
            raise Refused("unknown-field")
        if found == last:
            raise Refused("repeated-field")
        raise Refused("unsorted-field" if found < last else "missing-field")

    def nonempty(self, reason):
        text = self.string()
        if text == "":
            raise Refused(reason)
        return text

    def address(self):
        return self.take(32)

    def inputs(self, item, read):
        return [read() for _ in range(self.count(item, "inputs", INPUTS))]

    def value(self, depth=0):
        kind = self.kind()
        if kind == "string":
            return kind, self.string()
        if kind == "i64":
            return kind, self.i64()
        if kind == "bool":
            byte = self.u8()
            if byte > 1:
                raise Refused("bad-bool")
            return kind, byte == 1
        if kind == "bytes":
            return kind, self.text("bytes")
        if kind == "f64":
            bits = self.u64()
            if bits & 0x7FFFFFFFFFFFFFFF > 0x7FF0000000000000 and bits != 0x7FF8000000000000:
                raise Refused("non-canonical-nan")
            return kind, bits
        if depth + 1 > NESTING:
            raise Refused("too-deep")
        return kind, [self.value(depth + 1) for _ in range(self.count(5 if self.wide else 2))]

    def params(self):
        out, last = [], None
        for _ in range(self.count(13 if self.wide else 6, "params", PARAMS)):
            key = self.string()
            name = key.encode()
            if last is not None and name == last:
                raise Refused("repeated-key")
            if last is not None and name < last:
                raise Refused("unsorted-keys")
            last = name
            out.append((key, self.value()))
        return out


def decode(kind, data):
    """A whole document of that kind, or Refused."""
    if data[:3] != b"DCF"[:len(data)]:
        raise Refused("bad-magic")
    source = Source(data)
    source.take(3)
    if source.u8() != 1:
        raise Refused("unknown-version")
    found = TYPES.get(source.u8())
    if found is None:
        raise Refused("unknown-type")
    within("document", LIMITS[found], len(data))
    if found != kind:
        raise Refused("wrong-type")
    out = BODIES[kind](source)
    source.finish()
    return out


def read_recipe(s):
    return s.fields([lambda: s.nonempty("empty-name"), lambda: s.nonempty("empty-version"),
                     lambda: s.inputs(32, s.address), s.params])


def read_record(s):
    consumed = lambda: s.fields([s.address, s.address])
    return s.fields([s.address, lambda: s.nonempty("empty-name"), lambda: s.nonempty("empty-version"),
                     lambda: s.inputs(67, consumed), s.address, s.u64,
                     lambda: s.fields([s.u64, s.u64, s.u64])])


def read_trace(s):
    step = lambda: s.fields([s.address, lambda: s.inputs(32, s.address), s.address, s.u64])
    return s.fields([s.address, lambda: [step() for _ in range(s.count(81))]])


def read_manifest(s):
    def log2():
        power = s.u8()
        if not 14 <= power <= 24:
            raise Refused("bad-chunk-size")
        return power
    content, size, power, chunks = s.fields(
        [s.address, s.u64, log2, lambda: [s.address() for _ in range(s.count(32))]])
    count = -((-size) >> power)
    if len(chunks) != (count if count > 1 else 0):
        raise Refused("chunk-count")
    if (chunks and blake3.merge(chunks) != content) or (size == 0 and blake3.digest(b"") != content):
        raise Refused("chunk-hashes")
    return [content, size, power, chunks]


BODIES = {"recipe": read_recipe, "record": read_record, "trace": read_trace, "manifest": read_manifest}


def decode_legacy(data):
    """A recipe in the old form, within today's limits."""
    within("legacy-document", LEGACY_BYTES, len(data))
    s = Source(data, wide=True)
    name, version = s.nonempty("empty-name"), s.nonempty("empty-version")
    inputs = s.inputs(32, s.address)
    params = s.params()
    s.finish()
    recipe = [name, version, inputs, params]
    within("document", LIMITS["recipe"], len(encode("recipe", recipe)))
    return recipe


class Sink:
    """Writes what Source reads."""

    def __init__(self, wide=False):
        self.parts, self.wide = [], wide

    def raw(self, data):
        self.parts.append(data)

    def length(self, size):
        self.raw(struct.pack("<Q" if self.wide else "<I", size))

    def text(self, data):
        self.length(len(data))
        self.raw(data)

    def value(self, value):
        kind, payload = value
        number = KINDS.index(kind)
        self.raw(struct.pack("<I", number) if self.wide else bytes([number]))
        if kind == "string":
            self.text(payload.encode())
        elif kind == "i64":
            self.raw(struct.pack("<q" if self.wide else ">q", payload))
        elif kind == "bool":
            self.raw(b"\1" if payload else b"\0")
        elif kind == "bytes":
            self.text(payload)
        elif kind == "f64":
            self.raw(struct.pack(">Q", payload))
        else:
            self.length(len(payload))
            for item in payload:
                self.value(item)

    def params(self, params):
        self.length(len(params))
        for key, value in sorted(params, key=lambda pair: pair[0].encode()):
            self.text(key.encode())
            self.value(value)

    def list(self, items, write):
        self.length(len(items))
        for item in items:
            write(item)

    def u64(self, number):
        self.raw(struct.pack(">Q", number))

    def fields(self, items, writers):
        self.raw(bytes([len(items)]))
        for tag, (item, write) in enumerate(zip(items, writers), 1):
            self.raw(bytes([tag]))
            write(item)

    def bytes(self):
        return b"".join(self.parts)


def encode(kind, parts):
    """The one spelling of a document."""
    s = Sink()
    s.raw(b"DCF\x01" + bytes([k for k, name in TYPES.items() if name == kind]))
    string = lambda text: s.text(text.encode())
    hashes = lambda items: s.list(items, s.raw)
    if kind == "recipe":
        s.fields(parts, [string, string, hashes, s.params])
    elif kind == "record":
        consumed = lambda pair: s.fields(pair, [s.raw, s.raw])
        s.fields(parts, [s.raw, string, string, lambda items: s.list(items, consumed), s.raw, s.u64,
                         lambda cost: s.fields(cost, [s.u64, s.u64, s.u64])])
    elif kind == "trace":
        step = lambda item: s.fields(item, [s.raw, hashes, s.raw, s.u64])
        s.fields(parts, [s.raw, lambda items: s.list(items, step)])
    else:
        s.fields(parts, [s.raw, s.u64, lambda power: s.raw(bytes([power])), hashes])
    return s.bytes()


def encode_legacy(recipe):
    """The old form, or None when a float stands in it."""
    name, version, inputs, params = recipe
    if any(has_float(value) for _, value in params):
        return None
    s = Sink(wide=True)
    s.text(name.encode())
    s.text(version.encode())
    s.list(inputs, s.raw)
    s.params(params)
    return s.bytes()


def has_float(value):
    kind, payload = value
    return kind == "f64" or kind == "list" and any(has_float(item) for item in payload)


def address(kind, data):
    """The address of a document's bytes."""
    return blake3.derive_key(CONTEXTS[kind], data) if kind in CONTEXTS else blake3.digest(data)


def cutoff_key(recipe, contents):
    """The second key to a record."""
    name, version, _, params = recipe
    s = Sink()
    string = lambda text: s.text(text.encode())
    s.fields([name, version, params, contents],
             [string, string, s.params, lambda items: s.list(items, s.raw)])
    return blake3.derive_key(CUTOFF_CONTEXT, s.bytes())


def cut(data, power):
    """The manifest of a value's bytes."""
    size = 1 << power
    if len(data) <= size:
        return [blake3.digest(data), len(data), power, []]
    chunks = [blake3.subtree(data[at:at + size], at) for at in range(0, len(data), size)]
    return [blake3.merge(chunks), len(data), power, chunks]


def names_a_recipe(data):
    """"canonical", "legacy" or None: whether a leaf of these bytes is refused."""
    for form, read in (("canonical", lambda: decode("recipe", data)), ("legacy", lambda: decode_legacy(data))):
        try:
            read()
            return form
        except Refused:
            pass
    return None
