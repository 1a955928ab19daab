#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

/// BLAKE3 over all scalars in ascending order: the scalar, the length of what it becomes, its bytes.
fn digest(table: &CaseTable) -> String {
    let mut hasher = blake3::Hasher::new();
    for scalar in '\0'..=char::MAX {
        let mapped = match table.map(scalar) {
            Mapped::One(one) => one.to_string(),
            Mapped::Many(many) => many.to_string(),
        };
        hasher.update(&u32::from(scalar).to_le_bytes());
        hasher.update(&[u8::try_from(mapped.len()).unwrap()]);
        hasher.update(mapped.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

#[test]
fn every_scalar_is_frozen() {
    assert_eq!(
        digest(&UPPER),
        "284fab4523125dfdff796e6b3d53119e43db0fca96ffb0e38a0cb38f18a4af39"
    );
    assert_eq!(
        digest(&LOWER),
        "e39b0869ec3f635a6020b9acaea214074baa6540ad0df8935b8df6a32cc12924"
    );
}

#[test]
fn ascii_agrees_with_the_fast_way() {
    for scalar in '\0'..='\x7f' {
        assert_eq!(UPPER.map(scalar), Mapped::One(scalar.to_ascii_uppercase()));
        assert_eq!(LOWER.map(scalar), Mapped::One(scalar.to_ascii_lowercase()));
    }
}

#[test]
fn tables_are_sorted_for_their_search() {
    for table in [UPPER, LOWER] {
        assert!(table.runs.is_sorted_by(|a, b| a.1 < b.0));
        assert!(table.special.is_sorted_by(|a, b| a.0 < b.0));
    }
}

#[test]
fn cases_worth_knowing() {
    assert_eq!(UPPER.map('ß'), Mapped::Many("SS"));
    assert_eq!(UPPER.map('ﬃ'), Mapped::Many("FFI"));
    assert_eq!(UPPER.map('ı'), Mapped::One('I'));
    assert_eq!(LOWER.map('İ'), Mapped::Many("i\u{307}"));
    assert_eq!(LOWER.map('Σ'), Mapped::One('σ'));
    assert_eq!(UPPER.map('ÿ'), Mapped::One('Ÿ'));
    assert_eq!(UPPER.map('字'), Mapped::One('字'));
}
