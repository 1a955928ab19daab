//! Frozen vectors of the functions on tables. A line here may be added, never changed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use bytes::Bytes;
use deriva_model::Value;

use super::vectors_test::{Is, Refused, check, run};
use crate::budget::BudgetLimits;

const W: &[u8] = b"day,kind,temp\n1,rain,9.5\n2,sun,30\n3,sun,\n4,rain,-1e1\n5,\"fog, thick\",10\n";

#[test]
fn csv_filter_as_text() {
    check(&[
        (
            "csv_filter",
            &[W],
            &[("column", "kind"), ("op", "eq"), ("value", "sun")],
            Is(b"day,kind,temp\n2,sun,30\n3,sun,\n"),
        ),
        (
            "csv_filter",
            &[W],
            &[("column", "kind"), ("op", "ne"), ("value", "sun")],
            Is(b"day,kind,temp\n1,rain,9.5\n4,rain,-1e1\n5,\"fog, thick\",10\n"),
        ),
        (
            "csv_filter",
            &[W],
            &[("column", "temp"), ("op", "lt"), ("value", "30")],
            Is(b"day,kind,temp\n3,sun,\n4,rain,-1e1\n5,\"fog, thick\",10\n"),
        ),
        (
            "csv_filter",
            &[W],
            &[("column", "temp"), ("op", "ge"), ("value", "30")],
            Is(b"day,kind,temp\n1,rain,9.5\n2,sun,30\n"),
        ),
        (
            "csv_filter",
            &[W],
            &[("column", "kind"), ("op", "contains"), ("value", ", t")],
            Is(b"day,kind,temp\n5,\"fog, thick\",10\n"),
        ),
        (
            "csv_filter",
            &[W],
            &[("column", "kind"), ("op", "starts_with"), ("value", "r")],
            Is(b"day,kind,temp\n1,rain,9.5\n4,rain,-1e1\n"),
        ),
        (
            "csv_filter",
            &[W],
            &[("column", "kind"), ("op", "ends_with"), ("value", "un")],
            Is(b"day,kind,temp\n2,sun,30\n3,sun,\n"),
        ),
        (
            "csv_filter",
            &[W],
            &[("column", "temp"), ("op", "is_empty")],
            Is(b"day,kind,temp\n3,sun,\n"),
        ),
        (
            "csv_filter",
            &[b"a\n\"\"\nx\n"],
            &[("column", "a"), ("op", "is_empty")],
            Is(b"a\n\"\"\n"),
        ),
        (
            "csv_filter",
            &[b"a\n\"\"\nx\n"],
            &[("column", "a"), ("op", "not_empty")],
            Is(b"a\nx\n"),
        ),
        (
            "csv_filter",
            &[b"a,b\n"],
            &[("column", "b"), ("op", "eq"), ("value", "")],
            Is(b"a,b\n"),
        ),
        (
            "csv_filter",
            &[b"a;b\r\n1;\"x;y\"\r\n"],
            &[
                ("column", "a"),
                ("op", "eq"),
                ("value", "1"),
                ("delimiter", ";"),
            ],
            Is(b"a;b\n1;\"x;y\"\n"),
        ),
        (
            "csv_filter",
            &[b"a\tb\n1\tx,\"\n"],
            &[
                ("column", "a"),
                ("op", "le"),
                ("value", "1"),
                ("delimiter", "\t"),
            ],
            Is(b"a\tb\n1\t\"x,\"\"\"\n"),
        ),
    ]);
}

#[test]
fn csv_filter_as_numbers() {
    check(&[
        (
            "csv_filter",
            &[W],
            &[
                ("column", "temp"),
                ("op", "gt"),
                ("value", "9.5"),
                ("type", "number"),
            ],
            Is(b"day,kind,temp\n2,sun,30\n5,\"fog, thick\",10\n"),
        ),
        (
            "csv_filter",
            &[W],
            &[
                ("column", "temp"),
                ("op", "le"),
                ("value", "9.5"),
                ("type", "number"),
            ],
            Is(b"day,kind,temp\n1,rain,9.5\n4,rain,-1e1\n"),
        ),
        (
            "csv_filter",
            &[W],
            &[
                ("column", "temp"),
                ("op", "ne"),
                ("value", "10.0"),
                ("type", "number"),
            ],
            Is(b"day,kind,temp\n1,rain,9.5\n2,sun,30\n4,rain,-1e1\n"),
        ),
        (
            "csv_filter",
            &[b"x\n-0\n0\n"],
            &[
                ("column", "x"),
                ("op", "eq"),
                ("value", "0"),
                ("type", "number"),
            ],
            Is(b"x\n-0\n0\n"),
        ),
        (
            "csv_filter",
            &[b"x\n1\nNaN\n"],
            &[
                ("column", "x"),
                ("op", "eq"),
                ("value", "1"),
                ("type", "number"),
            ],
            Refused("input 0, line 3: the cell \"NaN\" in column \"x\" is not a number"),
        ),
    ]);
}

#[test]
fn csv_filter_refuses() {
    check(&[
        (
            "csv_filter",
            &[b""],
            &[("column", "a"), ("op", "is_empty")],
            Refused("input 0, line 1: there is no header row"),
        ),
        (
            "csv_filter",
            &[W],
            &[("column", "Kind"), ("op", "is_empty")],
            Refused(
                "input 0, line 1: there is no column \"Kind\"; the columns are day, kind, temp",
            ),
        ),
        (
            "csv_filter",
            &[b"a,b\n1\n"],
            &[("column", "a"), ("op", "is_empty")],
            Refused("input 0, line 2: the record has 1 cells and the header has 2"),
        ),
        (
            "csv_filter",
            &[W],
            &[("column", "kind")],
            Refused("param `op` is missing; give one of eq, ne"),
        ),
        (
            "csv_filter",
            &[W],
            &[("column", "kind"), ("op", "like")],
            Refused("param `op` is the string \"like\""),
        ),
        (
            "csv_filter",
            &[W],
            &[("column", "kind"), ("op", "eq")],
            Refused("param `value` is missing"),
        ),
        (
            "csv_filter",
            &[W],
            &[("column", "kind"), ("op", "is_empty"), ("value", "x")],
            Refused("params `value` and `op` do not go together"),
        ),
        (
            "csv_filter",
            &[W],
            &[
                ("column", "temp"),
                ("op", "contains"),
                ("value", "1"),
                ("type", "number"),
            ],
            Refused("params `op` and `type` do not go together"),
        ),
        (
            "csv_filter",
            &[W],
            &[
                ("column", "temp"),
                ("op", "gt"),
                ("value", "hot"),
                ("type", "number"),
            ],
            Refused("param `value` is \"hot\", which is no number; give a decimal number"),
        ),
        (
            "csv_filter",
            &[W],
            &[("column", "a"), ("op", "is_empty"), ("delimiter", "\"")],
            Refused("param `delimiter` is"),
        ),
        (
            "csv_filter",
            &[W],
            &[("column", "a"), ("op", "is_empty"), ("delimiter", ",,")],
            Refused("param `delimiter` is"),
        ),
    ]);
}

#[test]
fn csv_aggregate() {
    const G: &[u8] = b"b,a,x\nz,1,1\ny,2,2.5\nz,1,\ny,1,4\nz,1,0.1\nq,9,\n";
    check(&[
        (
            "csv_aggregate",
            &[G],
            &[("group_by", "b"), ("aggregate", "sum"), ("column", "x")],
            Is(b"b,sum_x\nq,\ny,6.5\nz,1.1\n"),
        ),
        (
            "csv_aggregate",
            &[G],
            &[("group_by", "b"), ("aggregate", "mean"), ("column", "x")],
            Is(b"b,mean_x\nq,\ny,3.25\nz,0.55\n"),
        ),
        (
            "csv_aggregate",
            &[G],
            &[("group_by", "b"), ("aggregate", "min"), ("column", "x")],
            Is(b"b,min_x\nq,\ny,2.5\nz,0.1\n"),
        ),
        (
            "csv_aggregate",
            &[G],
            &[("group_by", "b"), ("aggregate", "max"), ("column", "x")],
            Is(b"b,max_x\nq,\ny,4\nz,1\n"),
        ),
        (
            "csv_aggregate",
            &[G],
            &[("group_by", "b"), ("aggregate", "count"), ("column", "x")],
            Is(b"b,count_x\nq,0\ny,2\nz,2\n"),
        ),
        (
            "csv_aggregate",
            &[G],
            &[("group_by", "b"), ("aggregate", "count")],
            Is(b"b,count\nq,1\ny,2\nz,3\n"),
        ),
        (
            "csv_aggregate",
            &[G],
            &[("group_by", "a,b"), ("aggregate", "count")],
            Is(b"a,b,count\n1,y,1\n1,z,3\n2,y,1\n9,q,1\n"),
        ),
        (
            "csv_aggregate",
            &[G],
            &[("group_by", "[\"a\",\"b\"]"), ("aggregate", "count")],
            Is(b"a,b,count\n1,y,1\n1,z,3\n2,y,1\n9,q,1\n"),
        ),
        (
            "csv_aggregate",
            &[G],
            &[("aggregate", "sum"), ("column", "x")],
            Is(b"sum_x\n7.6\n"),
        ),
        (
            "csv_aggregate",
            &[b"x\n"],
            &[("aggregate", "count")],
            Is(b"count\n0\n"),
        ),
        (
            "csv_aggregate",
            &[b"x\n"],
            &[("aggregate", "sum"), ("column", "x")],
            Is(b"sum_x\n\"\"\n"),
        ),
        (
            "csv_aggregate",
            &[b"x\n"],
            &[("group_by", "x"), ("aggregate", "count")],
            Is(b"x,count\n"),
        ),
        (
            "csv_aggregate",
            &[b"x\n0.1\n0.2\n0.3\n"],
            &[("aggregate", "sum"), ("column", "x")],
            Is(b"sum_x\n0.6000000000000001\n"),
        ),
        (
            "csv_aggregate",
            &[b"x\n0.3\n0.2\n0.1\n"],
            &[("aggregate", "sum"), ("column", "x")],
            Is(b"sum_x\n0.6\n"),
        ),
        (
            "csv_aggregate",
            &[b"x\n1e16\n1\n-1e16\n"],
            &[("aggregate", "sum"), ("column", "x")],
            Is(b"sum_x\n0\n"),
        ),
        (
            "csv_aggregate",
            &[b"x\n-0\n-0.0\n"],
            &[("aggregate", "min"), ("column", "x")],
            Is(b"min_x\n0\n"),
        ),
        (
            "csv_aggregate",
            &[b"k|x\n\"a|b\"|2\n"],
            &[
                ("group_by", "k"),
                ("aggregate", "max"),
                ("column", "x"),
                ("delimiter", "|"),
            ],
            Is(b"k|max_x\n\"a|b\"|2\n"),
        ),
    ]);
}

/// Cells, not their joined bytes, are compared: a zero byte or a shorter cell must not confuse them.
#[test]
fn csv_aggregate_orders_cells() {
    check(&[(
        "csv_aggregate",
        &[b"a,b\n\x01,\n\0\0,z\n\0,\0z\n,\x01\n\0,\n,\nab,c\na,bc\n"],
        &[("group_by", "a,b"), ("aggregate", "count")],
        Is(b"a,b,count\n,,1\n,\x01,1\n\0,,1\n\0,\0z,1\n\0\0,z,1\n\x01,,1\na,bc,1\nab,c,1\n"),
    )]);
}

/// Keys that agree in their first eight bytes, or differ only by zeros after them.
#[test]
fn csv_join_tells_long_keys_apart() {
    check(&[(
        "csv_join",
        &[
            b"k,l\n12345678a,1\n12345678,2\n1,3\n1\0,4\n",
            b"k,r\n1\0,a\n12345678,b\n12345678b,c\n1,d\n12345678a,e\n1,f\n",
        ],
        &[("left_on", "k")],
        Is(b"k,l,r\n12345678a,1,e\n12345678,2,b\n1,3,d\n1,3,f\n1\0,4,a\n"),
    )]);
}

#[test]
fn csv_aggregate_refuses() {
    check(&[
        (
            "csv_aggregate",
            &[b""],
            &[("aggregate", "count")],
            Refused("input 0, line 1: there is no header row"),
        ),
        (
            "csv_aggregate",
            &[W],
            &[("aggregate", "median"), ("column", "temp")],
            Refused("param `aggregate` is the string \"median\""),
        ),
        (
            "csv_aggregate",
            &[W],
            &[("aggregate", "sum")],
            Refused("param `column` is missing; give the column whose sum is wanted"),
        ),
        (
            "csv_aggregate",
            &[W],
            &[("aggregate", "sum"), ("column", "kind")],
            Refused("input 0, line 2: the cell \"rain\" in column \"kind\" is not a number"),
        ),
        (
            "csv_aggregate",
            &[W],
            &[("aggregate", "count"), ("group_by", "kind,x")],
            Refused("input 0, line 1: there is no column \"x\""),
        ),
        (
            "csv_aggregate",
            &[b"x\n1e308\n1e308\n"],
            &[("aggregate", "mean"), ("column", "x")],
            Refused("input 0, line 3: the sum leaves the range"),
        ),
        (
            "csv_aggregate",
            &[b"x\n1e308\n1e308\n"],
            &[("aggregate", "max"), ("column", "x"), ("group_by", "y")],
            Refused("input 0, line 1: there is no column \"y\""),
        ),
        (
            "csv_aggregate",
            &[b"x,x\n1,2\n"],
            &[("aggregate", "sum"), ("column", "x")],
            Refused("input 0, line 1: the column \"x\" stands more than once"),
        ),
    ]);
}

#[test]
fn csv_join() {
    const L: &[u8] = b"id,v\n2,b\n1,a\n3,c\n2,d\n";
    const R: &[u8] = b"key,v,w\n1,p,P\n2,q,Q\n2,r,R\n9,s,S\n";
    const KEYS: (&str, &str) = ("left_on", "id");
    check(&[
        (
            "csv_join",
            &[L, R],
            &[KEYS, ("right_on", "key")],
            Is(b"id,v,v_right,w\n2,b,q,Q\n2,b,r,R\n1,a,p,P\n2,d,q,Q\n2,d,r,R\n"),
        ),
        (
            "csv_join",
            &[L, R],
            &[KEYS, ("right_on", "key"), ("how", "left")],
            Is(b"id,v,v_right,w\n2,b,q,Q\n2,b,r,R\n1,a,p,P\n3,c,,\n2,d,q,Q\n2,d,r,R\n"),
        ),
        (
            "csv_join",
            &[L, R],
            &[KEYS, ("right_on", "key"), ("suffix", "2"), ("how", "inner")],
            Is(b"id,v,v2,w\n2,b,q,Q\n2,b,r,R\n1,a,p,P\n2,d,q,Q\n2,d,r,R\n"),
        ),
        (
            "csv_join",
            &[b"id,v,v_right\n1,a,b\n", b"id,v\n1,c\n"],
            &[KEYS],
            Is(b"id,v,v_right,v_right_right\n1,a,b,c\n"),
        ),
        (
            "csv_join",
            &[b"a,b,x\n1,2,l\n1,3,m\n", b"b,a,y\n2,1,r\n1,2,s\n"],
            &[("left_on", "a,b")],
            Is(b"a,b,x,y\n1,2,l,r\n"),
        ),
        (
            "csv_join",
            &[b"id\n1\n\"\"\n", b"id\n\"\"\n1\n"],
            &[KEYS],
            Is(b"id\n1\n\"\"\n"),
        ),
        (
            "csv_join",
            &[b"id\n", b"id,x\n1,2\n"],
            &[KEYS, ("how", "left")],
            Is(b"id,x\n"),
        ),
        ("csv_join", &[b"id\n1\n", b"id,x\n"], &[KEYS], Is(b"id,x\n")),
        (
            "csv_join",
            &[b"id;x\n1;2\n", b"id;y\n1;3\n"],
            &[KEYS, ("delimiter", ";")],
            Is(b"id;x;y\n1;2;3\n"),
        ),
        ("csv_join", &[b"id\n01\n", b"id\n1\n"], &[KEYS], Is(b"id\n")),
    ]);
}

#[test]
fn csv_join_refuses() {
    const T: &[u8] = b"id,x\n1,2\n";
    check(&[
        (
            "csv_join",
            &[T, b""],
            &[("left_on", "id")],
            Refused("input 1, line 1: there is no header row"),
        ),
        (
            "csv_join",
            &[b"", T],
            &[("left_on", "id")],
            Refused("input 0, line 1: there is no header row"),
        ),
        (
            "csv_join",
            &[T, T],
            &[],
            Refused("param `left_on` is missing"),
        ),
        (
            "csv_join",
            &[T, T],
            &[("left_on", "")],
            Refused(
                "param `left_on` is an empty list, which is out of range; give at least one column",
            ),
        ),
        (
            "csv_join",
            &[T, T],
            &[("left_on", "id"), ("right_on", "id,x")],
            Refused(
                "params `left_on` and `right_on` do not go together: they name 1 and 2 columns",
            ),
        ),
        (
            "csv_join",
            &[T, T],
            &[("left_on", "id"), ("right_on", "y")],
            Refused("input 1, line 1: there is no column \"y\""),
        ),
        (
            "csv_join",
            &[T, T],
            &[("left_on", "id"), ("how", "outer")],
            Refused("param `how` is the string \"outer\""),
        ),
        (
            "csv_join",
            &[T, T],
            &[("left_on", "id"), ("suffix", "")],
            Refused("param `suffix` is 0 bytes long"),
        ),
        (
            "csv_join",
            &[T, b"id,x\n1\n"],
            &[("left_on", "id")],
            Refused("input 1, line 2: the record has 1 cells"),
        ),
    ]);
}

#[test]
fn a_list_of_columns_may_be_typed() {
    let columns = Value::List(vec![Value::from("a,b"), Value::from("c")]);
    let params = BTreeMap::from([
        ("group_by".to_string(), columns),
        ("aggregate".to_string(), Value::from("count")),
    ]);
    let inputs = [Bytes::from_static(b"\"a,b\",c\n1,2\n")];
    let out = run("csv_aggregate", &inputs, &params, BudgetLimits::default()).unwrap();
    assert_eq!(out, &b"\"a,b\",c,count\n1,2,1\n"[..]);
}
