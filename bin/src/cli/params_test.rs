#![allow(clippy::unwrap_used, clippy::expect_used)]

use deriva_model::{F64, Value, limits};
use serde_json::Value as Json;

use super::{collect, from_json, parse};

fn read(argument: &str) -> Value {
    let (key, value) = parse(argument).unwrap();
    assert_eq!(key, "k", "{argument}");
    value
}

#[test]
fn a_param_has_the_kind_it_was_given() {
    assert_eq!(read("k=3"), Value::from("3"));
    assert_eq!(read("k="), Value::from(""));
    assert_eq!(read("k=a=b:c"), Value::from("a=b:c"));
    assert_eq!(read("k:string=3"), Value::from("3"));
    assert_eq!(read("k:int=-9223372036854775808"), Value::I64(i64::MIN));
    assert_eq!(read("k:bool=true"), Value::Bool(true));
    assert_eq!(read("k:float=0.5"), Value::F64(F64::new(0.5)));
    assert_eq!(read("k:float=3"), Value::F64(F64::new(3.0)));
    assert_eq!(read("k:bytes-hex=00fF"), Value::Bytes(vec![0, 255]));
    assert_eq!(read("k:bytes-hex="), Value::Bytes(vec![]));
    assert_eq!(read("k:json=3"), Value::I64(3));
    assert_eq!(read("k:json=3.0"), Value::F64(F64::new(3.0)));
    let list = Value::List(vec![
        Value::from("a"),
        Value::List(vec![Value::Bool(false)]),
    ]);
    assert_eq!(read("k:json=[\"a\",[false]]"), list);
}

#[test]
fn a_key_with_a_colon_needs_its_kind() {
    assert_eq!(
        parse("a:b:string=x").unwrap(),
        ("a:b".to_owned(), Value::from("x"))
    );
    assert!(parse("a:b=x").unwrap_err().contains("no kind of param"));
}

#[test]
fn what_does_not_fit_its_kind_is_refused() {
    for argument in [
        "k",
        "=x",
        ":int=1",
        "k:int=",
        "k:int=1.5",
        "k:int=9223372036854775808",
        "k:bool=1",
        "k:bool=True",
        "k:float=x",
        "k:bytes-hex=0",
        "k:bytes-hex=0g",
        "k:bytes-hex=ää",
        "k:json=",
        "k:json=null",
        "k:json={}",
        "k:json={\"a\":1}",
        "k:json={\"bytes\":\"0\"}",
        "k:json=18446744073709551615",
        "k:list=[]",
    ] {
        assert!(parse(argument).is_err(), "{argument}");
    }
}

#[test]
fn nesting_has_a_floor() {
    let nest = |levels: usize| {
        let text = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        from_json(&serde_json::from_str::<Json>(&text).unwrap())
    };
    assert!(nest(limits::NESTING).is_ok());
    assert!(nest(limits::NESTING + 1).is_err());
}

#[test]
fn a_key_stands_once() {
    let twice = ["k=1", "k:int=1"].map(|a| parse(a).unwrap()).to_vec();
    assert!(collect(twice).unwrap_err().contains("given twice"));
}
