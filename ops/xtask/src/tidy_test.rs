use super::*;

const OPENING: &str = "//! Why it is here.\n";

fn judged(body: &str) -> Vec<String> {
    let source = Source {
        path: "runtime/x/src/lib.rs".to_owned(),
        text: format!("{OPENING}{body}"),
    };
    breaches(&[source])
}

#[test]
fn a_tidy_file_passes() {
    assert_eq!(judged("fn f() {}\n"), Vec::<String>::new());
}

#[test]
fn a_file_without_an_opening_is_a_breach() {
    let source = Source {
        path: "bin/src/lib.rs".to_owned(),
        text: "fn f() {}\n".to_owned(),
    };
    assert!(breaches(&[source])[0].starts_with("bin/src/lib.rs:1:"));
}

#[test]
fn the_file_wall_stands_at_its_limit_and_one_line_beyond() {
    let at_the_wall = "// x\n".repeat(FILE_WALL - 1);
    assert!(judged(&at_the_wall).is_empty());
    let beyond = "// x\n".repeat(FILE_WALL);
    assert!(judged(&beyond)[0].contains("401 lines"));
}

#[test]
fn tests_inside_of_a_file_do_not_count() {
    let tests = format!(
        "#[cfg(test)]\nmod tests {{\n{}}}\n",
        "    call();\n".repeat(FILE_WALL)
    );
    assert_eq!(judged(&tests), Vec::<String>::new());
}

#[test]
fn the_function_wall_stands_at_its_limit_and_one_line_beyond() {
    let function = |lines: usize| {
        format!(
            "fn long(a: [u8; 2]) {{\n{}}}\n",
            "    call();\n".repeat(lines - 2)
        )
    };
    assert!(judged(&function(FUNCTION_WALL)).is_empty());
    let found = judged(&function(FUNCTION_WALL + 1));
    assert!(found[0].contains(":2: fn long has 71 lines"), "{found:?}");
}

#[test]
fn a_signature_without_a_body_does_not_borrow_the_next_one() {
    let code = format!(
        "trait T {{ fn a(&self); }}\nimpl X {{\n{}}}\n",
        "\n".repeat(90)
    );
    assert_eq!(judged(&code), Vec::<String>::new());
}

#[test]
fn what_is_left_undone_is_a_breach_and_a_comment_about_it_is_not() {
    for word in UNDONE {
        assert!(judged(&format!("fn f() {{ {word}() }}\n"))[0].contains("is left"));
        assert!(judged(&format!("// {word}\n")).is_empty());
    }
}

#[test]
fn an_excuse_silences_a_long_file_and_an_idle_excuse_is_a_breach() {
    let excuses = [("bin/src/table.rs", "a table")];
    let judged = |lines: usize| {
        let source = Source {
            path: "bin/src/table.rs".to_owned(),
            text: "// x\n".repeat(lines),
        };
        let mut found = Vec::new();
        judge_lengths(&[source], &excuses, &mut found);
        found
    };
    assert_eq!(judged(FILE_WALL + 1), Vec::<String>::new());
    assert!(judged(FILE_WALL)[0].contains("needs no excuse"));
}

#[test]
fn tests_and_leftovers_are_apart() {
    for path in [
        "tests/src/lib.rs",
        "runtime/x/src/a_test.rs",
        "runtime/x/tests/a.rs",
        "chaos/src/lib.rs",
    ] {
        assert!(is_apart(path), "{path}");
    }
    assert!(!is_apart("runtime/x/src/latest.rs"));
}
