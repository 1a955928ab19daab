use super::*;

#[test]
fn comments_and_literals_become_spaces_of_the_same_length() {
    let source = "let a = \"todo!()\"; // dbg!\nlet b = '{'; /* { /* } */ */ c";
    let code = code_only(source);
    assert_eq!(code.chars().count(), source.chars().count());
    assert!(!code.contains("todo") && !code.contains("dbg"));
    assert!(!code.contains('{') && code.ends_with("*/ c".trim_start_matches("*/ ")));
}

#[test]
fn raw_strings_escapes_and_lifetimes_are_told_apart() {
    let code =
        code_only(r###"fn f<'a>(x: &'a str) { r#"a " { "#; "\" {"; '\''; b"{"; br"{"; for_r }"###);
    assert_eq!(code.matches('{').count(), 1, "{code}");
    assert_eq!(code.matches('}').count(), 1, "{code}");
    assert!(code.contains("'a>") && code.contains("for_r"));
}

#[test]
fn items_under_cfg_test_are_removed_and_lines_stay() {
    let code =
        "a\n#[cfg(test)]\nmod t {\n  fn x() {}\n}\nb\n#[cfg(test)]\n#[path = \"\"]\nmod u;\nc";
    let left = without_tests(code);
    assert_eq!(left.lines().count(), code.lines().count());
    assert_eq!(left.split_whitespace().collect::<Vec<_>>(), ["a", "b", "c"]);
}
