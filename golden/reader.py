#!/usr/bin/env python3
"""Reads every golden vector with an implementation of its own and exits non-zero at a disagreement.

It shares nothing with the Rust but the laws: if both agree on every address and every refusal, the
laws can be read in one way only. It refuses to update a vector."""

import json
import pathlib
import sys

import blake3
import dcf

VECTORS = pathlib.Path(__file__).resolve().parent / "vectors"
# Files whose vectors are the store's own layout, not the laws': the Rust that owns them reads them.
NOT_OURS = {"storage.json"}


class Disagreement(Exception):
    """What the vector says is not what the laws come to here."""


def same(what, mine, theirs):
    if mine != theirs:
        raise Disagreement("%s: here %s, in the vector %s" % (what, str(mine)[:200], str(theirs)[:200]))


def expand(parts):
    """Bytes from their parts: hex, a repetition, or a template counted up with four decimal digits."""
    out = []
    for part in parts:
        if isinstance(part, str):
            out.append(bytes.fromhex(part))
        elif "repeat" in part:
            out.append(bytes.fromhex(part["repeat"]) * part["times"])
        else:
            for number in range(part["count_up"]):
                digits = ("%04d" % number).encode().hex()
                out.append(bytes.fromhex(part["hex"].replace("{d4}", digits)))
    return b"".join(out)


def value_from(told):
    (kind, payload), = told.items()
    if kind == "i64":
        payload = int(payload)
    elif kind == "bytes":
        payload = bytes.fromhex(payload)
    elif kind == "f64":
        payload = int(payload, 16)
    elif kind == "list":
        payload = [value_from(item) for item in payload]
    return kind, payload


def hashes(told):
    return [bytes.fromhex(item) for item in told]


def recipe_from(told):
    params = sorted(((key, value_from(value)) for key, value in told["params"].items()),
                    key=lambda pair: pair[0].encode())
    return [told["function"], told["version"], hashes(told["inputs"]), params]


def meaning_to(kind, told):
    """The parts of a document from what a vector tells of it."""
    if kind in ("recipe", "legacy"):
        return recipe_from(told)
    if kind == "record":
        return [bytes.fromhex(told["recipe"]), told["function"], told["version"],
                [hashes(pair) for pair in told["inputs"]], bytes.fromhex(told["output"]),
                int(told["size"]), [int(number) for number in told["cost"]]]
    return [bytes.fromhex(told["root"]),
            [[bytes.fromhex(step["recipe"]), hashes(step["inputs"]), bytes.fromhex(step["output"]),
              int(step["size"])] for step in told["steps"]]]


def read(kind, data):
    """Decodes and encodes again; gives what was meant."""
    if kind == "value":
        source = dcf.Source(data)
        meant = source.value()
        source.finish()
        sink = dcf.Sink()
        sink.value(meant)
        again = sink.bytes()
    elif kind == "legacy":
        meant = dcf.decode_legacy(data)
        again = dcf.encode_legacy(meant)
    else:
        meant = dcf.decode(kind, data)
        again = dcf.encode(kind, meant)
    same("encoded again", again, data)
    return meant


def check_refusal(vector, kind, data):
    try:
        read(kind, data)
    except dcf.Refused as refusal:
        same("reason", refusal.reason, vector["refusal"])
        same("what is over its limit", refusal.what, vector.get("what"))
        return
    raise Disagreement("accepted, though it is to be refused: " + vector["refusal"])


def one_record(data):
    """The old address of a record, or why it is refused."""
    try:
        read("legacy", data)
    except dcf.Refused as refusal:
        # These vectors hold nothing over a limit that has not the old form otherwise.
        return "OVER_LIMIT" if refusal.reason in ("over-limit", "too-deep") else "NOT_A_RECIPE"
    return dcf.address("legacy", data).hex()


def records(data):
    """What a stream of old recipes holds, record by record."""
    whole = one_record(data)
    if len(whole) == 64:
        return [whole]
    found, at = [], 0
    while at < len(data):
        length = int.from_bytes(data[at:at + 8], "little")
        if len(data) - at < 8 or len(data) - at - 8 < length:
            return found + ["TRUNCATED"]
        found.append(one_record(data[at + 8:at + 8 + length]))
        at += 8 + length
    return found


def check_storage(vector, kind, data):
    """The few keys and values of the store that stand beside the streams."""
    if "refusal" in vector:
        return same("length of a number", len(data) != 8, True)
    told = vector["meaning"]
    if kind == "counter-key":
        return same("key", b"count/" + told["counter"].encode(), data)
    if kind == "meta-import":
        return same("key", b"import", data)
    return same("number", int(told["number"]).to_bytes(8, "big"), data)


def check(vector):
    kind = vector["as"]
    if kind == "cutoff":
        key = dcf.cutoff_key(recipe_from(vector["recipe"]), hashes(vector["contents"]))
        return same("key", key.hex(), vector["key"])
    data = expand(vector["bytes"])
    if kind == "import-stream":
        return same("records", records(data), vector["records"])
    if kind in ("counter-key", "meta-import", "number"):
        return check_storage(vector, kind, data)
    if kind == "leaf":
        same("address", blake3.digest(data).hex(), vector["address"])
        return same("form of a recipe", dcf.names_a_recipe(data), vector.get("recipe_form"))
    if "refusal" in vector:
        return check_refusal(vector, kind, data)
    meant = read(kind, data)
    if kind == "manifest":
        same("manifest of the value", dcf.cut(expand(vector["value"]), vector["log2"]), meant)
    elif "meaning" in vector:
        told = vector["meaning"]
        same("meaning", value_from(told) if kind == "value" else meaning_to(kind, told), meant)
    if kind == "legacy":
        again = dcf.encode("recipe", meant)
        same("DCF address", dcf.address("recipe", again).hex(), vector["dcf_address"])
    if kind != "value":
        same("address", dcf.address(kind, data).hex(), vector["address"])
    return None


def main():
    read_ones, wrong = 0, 0
    for path in sorted(VECTORS.glob("*.json")):
        if path.name in NOT_OURS:
            continue
        for vector in json.loads(path.read_text(encoding="utf-8"))["vectors"]:
            read_ones += 1
            try:
                check(vector)
            except (Disagreement, dcf.Refused) as problem:
                wrong += 1
                print("%s: %s: %s" % (path.name, vector["name"], problem), file=sys.stderr)
    print("%d vectors read, %d disagree" % (read_ones, wrong))
    return 1 if wrong or read_ones == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
