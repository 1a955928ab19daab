//! Frozen vectors of the functions on JSON, and of those between JSON and tables.
//! A line here may be added, never changed.

use super::vectors_test::{Is, Refused, check};

#[test]
fn json_validate() {
    check(&[
        ("json_validate", &[b" {\"a\":[1,-0.5e+3,true,false,null,\"\\u00e9\xc3\xa9\\n\",{}]}\n"], &[], Is(b" {\"a\":[1,-0.5e+3,true,false,null,\"\\u00e9\xc3\xa9\\n\",{}]}\n")),
        ("json_validate", &[b"0"], &[], Is(b"0")),
        ("json_validate", &[b"\"x\""], &[], Is(b"\"x\"")),
        ("json_validate", &[b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"], &[], Is(b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]")),
        ("json_validate", &[b""], &[], Refused("the input is not JSON that can be read, at offset 0: it ends too early")),
        ("json_validate", &[b"  "], &[], Refused("the input is not JSON that can be read, at offset 2: it ends too early")),
        ("json_validate", &[b"[1,]"], &[], Refused("the input is not JSON that can be read, at offset 3: found \"]\", where a value was expected")),
        ("json_validate", &[b"{\"a\":1,}"], &[], Refused("the input is not JSON that can be read, at offset 7: found \"}\", where a key in quotes was")),
        ("json_validate", &[b"01"], &[], Refused("the input is not JSON that can be read, at offset 1: found \"1\", where nothing after")),
        ("json_validate", &[b"1."], &[], Refused("the input is not JSON that can be read, at offset 2: it ends too early")),
        ("json_validate", &[b"-"], &[], Refused("the input is not JSON that can be read, at offset 1: it ends")),
        ("json_validate", &[b"[1 2]"], &[], Refused("the input is not JSON that can be read, at offset 3: found \"2\", where a comma")),
        ("json_validate", &[b"\"\t\""], &[], Refused("the input is not JSON that can be read, at offset 1: found")),
        ("json_validate", &[b"\"\\x\""], &[], Refused("the input is not JSON that can be read, at offset 2: found \"x\", where an escape")),
        ("json_validate", &[b"\"\\u12g4\""], &[], Refused("the input is not JSON that can be read, at offset 5: found \"g\"")),
        ("json_validate", &[b"nul"], &[], Refused("the input is not JSON that can be read, at offset 3: it ends")),
        ("json_validate", &[b"NaN"], &[], Refused("the input is not JSON that can be read, at offset 0: found \"N\"")),
        ("json_validate", &[b"[}"], &[], Refused("the input is not JSON that can be read, at offset 1: found \"}\"")),
        ("json_validate", &[b"{1:2}"], &[], Refused("the input is not JSON that can be read, at offset 1: found \"1\"")),
        ("json_validate", &[b"{} {}"], &[], Refused("the input is not JSON that can be read, at offset 3: found \"{\", where nothing")),
        ("json_validate", &[b"\"\xff\""], &[], Refused("input 0 is not UTF-8 text: the byte at offset 1")),
        ("json_validate", &[b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["], &[], Refused("the input is not JSON that can be read, at offset 512: it is nested more than 512 deep")),
    ]);
}

#[test]
fn json_extract() {
    check(&[
        ("json_extract", &[b"{\"a/b\": [1, {\"m~n\": \"x\\u00e9\\n\"}, -2.50e3], \"k\": null, \"k\": 7, \"\": {\"z\": [ ] }}"], &[("pointer", "/a~1b/0")], Is(b"1")),
        ("json_extract", &[b"{\"a/b\": [1, {\"m~n\": \"x\\u00e9\\n\"}, -2.50e3], \"k\": null, \"k\": 7, \"\": {\"z\": [ ] }}"], &[("pointer", "/a~1b/1/m~0n")], Is(b"\"x\\u00e9\\n\"")),
        ("json_extract", &[b"{\"a/b\": [1, {\"m~n\": \"x\\u00e9\\n\"}, -2.50e3], \"k\": null, \"k\": 7, \"\": {\"z\": [ ] }}"], &[("pointer", "/a~1b/1/m~0n"), ("text", "true")], Is(b"x\xc3\xa9\n")),
        ("json_extract", &[b"{\"a/b\": [1, {\"m~n\": \"x\\u00e9\\n\"}, -2.50e3], \"k\": null, \"k\": 7, \"\": {\"z\": [ ] }}"], &[("pointer", "/a~1b/2")], Is(b"-2.50e3")),
        ("json_extract", &[b"{\"a/b\": [1, {\"m~n\": \"x\\u00e9\\n\"}, -2.50e3], \"k\": null, \"k\": 7, \"\": {\"z\": [ ] }}"], &[("pointer", "/k")], Is(b"null")),
        ("json_extract", &[b"{\"a/b\": [1, {\"m~n\": \"x\\u00e9\\n\"}, -2.50e3], \"k\": null, \"k\": 7, \"\": {\"z\": [ ] }}"], &[("pointer", "//z")], Is(b"[ ]")),
        ("json_extract", &[b" 12 "], &[("pointer", "")], Is(b"12")),
        ("json_extract", &[b"12"], &[("pointer", "")], Is(b"12")),
        ("json_extract", &[b"{\"\\u0061\":{\"b\":true}}"], &[("pointer", "/a")], Is(b"{\"b\":true}")),
        ("json_extract", &[b"{\"a/b\": [1, {\"m~n\": \"x\\u00e9\\n\"}, -2.50e3], \"k\": null, \"k\": 7, \"\": {\"z\": [ ] }}"], &[("pointer", "/a~1b/3")], Refused("the pointer leads to nothing")),
        ("json_extract", &[b"{\"a/b\": [1, {\"m~n\": \"x\\u00e9\\n\"}, -2.50e3], \"k\": null, \"k\": 7, \"\": {\"z\": [ ] }}"], &[("pointer", "/a~1b/01")], Refused("the pointer leads to nothing")),
        ("json_extract", &[b"{\"a/b\": [1, {\"m~n\": \"x\\u00e9\\n\"}, -2.50e3], \"k\": null, \"k\": 7, \"\": {\"z\": [ ] }}"], &[("pointer", "/k/x")], Refused("the pointer leads to nothing")),
        ("json_extract", &[b"{\"a/b\": [1, {\"m~n\": \"x\\u00e9\\n\"}, -2.50e3], \"k\": null, \"k\": 7, \"\": {\"z\": [ ] }}"], &[("pointer", "/nope")], Refused("the pointer leads to nothing")),
        ("json_extract", &[b""], &[("pointer", "")], Refused("the input is not JSON that can be read, at offset 0: it ends")),
        ("json_extract", &[b"[1"], &[("pointer", "/0")], Refused("the input is not JSON that can be read, at offset 2: it ends")),
        ("json_extract", &[b"{\"a/b\": [1, {\"m~n\": \"x\\u00e9\\n\"}, -2.50e3], \"k\": null, \"k\": 7, \"\": {\"z\": [ ] }}"], &[("pointer", "a")], Refused("param `pointer` is no JSON Pointer")),
        ("json_extract", &[b"{\"a/b\": [1, {\"m~n\": \"x\\u00e9\\n\"}, -2.50e3], \"k\": null, \"k\": 7, \"\": {\"z\": [ ] }}"], &[("pointer", "/~2")], Refused("param `pointer` is no JSON Pointer")),
        ("json_extract", &[b"{\"a/b\": [1, {\"m~n\": \"x\\u00e9\\n\"}, -2.50e3], \"k\": null, \"k\": 7, \"\": {\"z\": [ ] }}"], &[("pointer", "/k"), ("text", "true")], Refused("the input is not JSON that can be read, at offset ")),
        ("json_extract", &[b"[\"\\ud800\"]"], &[("pointer", "/0"), ("text", "true")], Refused("the JSON string")),
    ]);
}

#[test]
fn csv_to_json() {
    check(&[
        (
            "csv_to_json",
            &[b"a,b\n1,\"x \"\"y\"\"\"\n2,\n"],
            &[],
            Is(b"[\n{\"a\":\"1\",\"b\":\"x \\\"y\\\"\"},\n{\"a\":\"2\",\"b\":\"\"}\n]\n"),
        ),
        ("csv_to_json", &[b"a\n"], &[], Is(b"[]\n")),
        ("csv_to_json", &[b"a\n"], &[("format", "lines")], Is(b"")),
        (
            "csv_to_json",
            &[b"a,b\n-1.5e3,01\ntrue,\"\xc3\xa9\n\"\n"],
            &[("format", "lines"), ("numbers", "true")],
            Is(b"{\"a\":-1.5e3,\"b\":\"01\"}\n{\"a\":\"true\",\"b\":\"\xc3\xa9\\n\"}\n"),
        ),
        (
            "csv_to_json",
            &[b"a;b\n1;2\n"],
            &[("delimiter", ";"), ("format", "lines")],
            Is(b"{\"a\":\"1\",\"b\":\"2\"}\n"),
        ),
        (
            "csv_to_json",
            &[b""],
            &[],
            Refused("input 0, line 1: there is no header row"),
        ),
        (
            "csv_to_json",
            &[b"a,b\n\n1,2\r\n\r\n3\n"],
            &[],
            Refused("input 0, line 5: the record has 1 cells and the header has 2"),
        ),
        (
            "csv_to_json",
            &[b"a,a\n"],
            &[],
            Refused("input 0, line 1: the column \"a\" stands more than once"),
        ),
        (
            "csv_to_json",
            &[b"a\nx\n\xff\n"],
            &[],
            Refused("input 0, line 3: \""),
        ),
        (
            "csv_to_json",
            &[b"a\n\"x\ny\"\nz,z\n"],
            &[],
            Refused("input 0, line 4: the record has 2 cells"),
        ),
    ]);
}

#[test]
fn json_to_csv() {
    check(&[
        (
            "json_to_csv",
            &[b"[{\"a\":1,\"b\":\"x, \\\"y\\\"\"},{\"b\":null,\"a\":true}]"],
            &[],
            Is(b"a,b\n1,\"x, \"\"y\"\"\"\ntrue,\n"),
        ),
        (
            "json_to_csv",
            &[b"{\"a\":\"\xc3\xa9\"}\n{\"a\":-1e3} {}"],
            &[("format", "lines")],
            Is(b"a\n\xc3\xa9\n-1e3\n\"\"\n"),
        ),
        (
            "json_to_csv",
            &[b"[{\"a\":1}]"],
            &[("columns", "b,a")],
            Is(b"b,a\n,1\n"),
        ),
        ("json_to_csv", &[b"[]"], &[("columns", "a")], Is(b"a\n")),
        (
            "json_to_csv",
            &[b"[{\"a\":1,\"b\":2}]"],
            &[("delimiter", ";")],
            Is(b"a;b\n1;2\n"),
        ),
        (
            "json_to_csv",
            &[b"{\"a\":1}{\"a\":2}"],
            &[("format", "lines")],
            Is(b"a\n1\n2\n"),
        ),
        (
            "json_to_csv",
            &[b"[]"],
            &[],
            Refused("there is no object, so there are no columns"),
        ),
        (
            "json_to_csv",
            &[b""],
            &[],
            Refused("the input is not JSON that can be read, at offset 0"),
        ),
        (
            "json_to_csv",
            &[b"[{\"a\":[]}]"],
            &[],
            Refused("the input is not JSON that can be read, at offset "),
        ),
        (
            "json_to_csv",
            &[b"[1]"],
            &[],
            Refused("the input is not JSON that can be read, at offset "),
        ),
        (
            "json_to_csv",
            &[b"{\"a\":1}"],
            &[],
            Refused("the input is not JSON that can be read, at offset "),
        ),
        (
            "json_to_csv",
            &[b"[{\"a\":1},{\"b\":1}]"],
            &[],
            Refused("object 2: the key \"b\" is no column"),
        ),
        (
            "json_to_csv",
            &[b"[{\"a\":1,\"a\":2}]"],
            &[],
            Refused("object 1: the key \"a\" stands twice"),
        ),
        (
            "json_to_csv",
            &[b"[{}]"],
            &[],
            Refused("object 1: the first object has no keys"),
        ),
    ]);
}

#[test]
fn csv_select() {
    check(&[
        (
            "csv_select",
            &[b"day,kind,temp\n1,rain,9.5\n2,sun,30\n3,sun,\n4,\"a, b\",-1e1\n"],
            &[("columns", "temp,day")],
            Is(b"temp,day\n9.5,1\n30,2\n,3\n-1e1,4\n"),
        ),
        (
            "csv_select",
            &[b"day,kind,temp\n1,rain,9.5\n2,sun,30\n3,sun,\n4,\"a, b\",-1e1\n"],
            &[("columns", "kind")],
            Is(b"kind\nrain\nsun\nsun\n\"a, b\"\n"),
        ),
        ("csv_select", &[b"a\n"], &[("columns", "a")], Is(b"a\n")),
        (
            "csv_select",
            &[b"a\tb\n1\t2\n"],
            &[("columns", "b,b"), ("delimiter", "\t")],
            Is(b"b\tb\n2\t2\n"),
        ),
        (
            "csv_select",
            &[b"a,b\n1\n"],
            &[("columns", "a")],
            Refused("input 0, line 2: the record has 1 cells"),
        ),
        (
            "csv_select",
            &[b"day,kind,temp\n1,rain,9.5\n2,sun,30\n3,sun,\n4,\"a, b\",-1e1\n"],
            &[("columns", "x")],
            Refused("input 0, line 1: there is no column \"x\"; the columns are day, kind, temp"),
        ),
        (
            "csv_select",
            &[b"day,kind,temp\n1,rain,9.5\n2,sun,30\n3,sun,\n4,\"a, b\",-1e1\n"],
            &[("columns", "")],
            Refused("param `columns` is an empty list"),
        ),
        (
            "csv_select",
            &[b"day,kind,temp\n1,rain,9.5\n2,sun,30\n3,sun,\n4,\"a, b\",-1e1\n"],
            &[("columns", "day"), ("delimiter", "x")],
            Refused("param `delimiter`"),
        ),
    ]);
}

#[test]
fn a_byte_order_mark_is_passed_over_however_it_is_cut() {
    check(&[(
        "csv_select",
        &[b"\xef\xbb\xbfa,b\n1,2\n"],
        &[("columns", "a")],
        Is(b"a\n1\n"),
    )]);
}

#[test]
fn csv_sort() {
    check(&[
        (
            "csv_sort",
            &[b"day,kind,temp\n1,rain,9.5\n2,sun,30\n3,sun,\n4,\"a, b\",-1e1\n"],
            &[("by", "temp"), ("type", "number")],
            Is(b"day,kind,temp\n3,sun,\n4,\"a, b\",-1e1\n1,rain,9.5\n2,sun,30\n"),
        ),
        (
            "csv_sort",
            &[b"day,kind,temp\n1,rain,9.5\n2,sun,30\n3,sun,\n4,\"a, b\",-1e1\n"],
            &[("by", "kind,day"), ("order", "desc")],
            Is(b"day,kind,temp\n3,sun,\n2,sun,30\n1,rain,9.5\n4,\"a, b\",-1e1\n"),
        ),
        (
            "csv_sort",
            &[b"day,kind,temp\n1,rain,9.5\n2,sun,30\n3,sun,\n4,\"a, b\",-1e1\n"],
            &[("by", "kind")],
            Is(b"day,kind,temp\n4,\"a, b\",-1e1\n1,rain,9.5\n2,sun,30\n3,sun,\n"),
        ),
        (
            "csv_sort",
            &[b"day,kind,temp\n1,rain,9.5\n2,sun,30\n3,sun,\n4,\"a, b\",-1e1\n"],
            &[("by", "kind"), ("order", "desc")],
            Is(b"day,kind,temp\n2,sun,30\n3,sun,\n1,rain,9.5\n4,\"a, b\",-1e1\n"),
        ),
        ("csv_sort", &[b"a\n"], &[("by", "a")], Is(b"a\n")),
        (
            "csv_sort",
            &[b"a;b\n2;x\n1;y\n"],
            &[("by", "a"), ("delimiter", ";")],
            Is(b"a;b\n1;y\n2;x\n"),
        ),
        (
            "csv_sort",
            &[b"day,kind,temp\n1,rain,9.5\n2,sun,30\n3,sun,\n4,\"a, b\",-1e1\n"],
            &[("by", "kind"), ("type", "number")],
            Refused("input 0, line 2: the cell \"rain\" in column \"kind\" is not a number"),
        ),
        (
            "csv_sort",
            &[b"day,kind,temp\n1,rain,9.5\n2,sun,30\n3,sun,\n4,\"a, b\",-1e1\n"],
            &[("by", "")],
            Refused("param `by` is an empty list"),
        ),
        (
            "csv_sort",
            &[b""],
            &[("by", "a")],
            Refused("input 0, line 1: there is no header"),
        ),
    ]);
}
