#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

fn file(text: &str) -> Result<Settings, SettingsError> {
    let mut settings = Settings::default();
    settings.read_file(Path::new("deriva.toml"), text)?;
    Ok(settings)
}

#[test]
fn later_origins_win_and_are_told() {
    let mut settings = file("grpc_listen = \"0.0.0.0:1\"\nworkers = 3").unwrap();
    let variables = [
        ("DERIVA_WORKERS", "5"),
        ("DERIVA_SERVER", "x"),
        ("HOME", "/"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    settings.read_environment(variables.into_iter()).unwrap();
    settings
        .set("workers", "7".to_owned(), Origin::Flag)
        .unwrap();
    assert_eq!(settings.parsed::<usize>("workers", "a number"), Ok(7));
    assert_eq!(settings.text("grpc_listen"), "0.0.0.0:1");
    let printed = settings.print();
    assert!(
        printed.contains("(from a flag)\nworkers = \"7\""),
        "{printed}"
    );
    assert!(
        printed.contains("(from deriva.toml)\ngrpc_listen"),
        "{printed}"
    );
}

#[test]
fn what_is_printed_puts_the_same_in_force() {
    let mut settings = Settings::default();
    settings
        .set("seeds", "a:1,b:2".to_owned(), Origin::Flag)
        .unwrap();
    settings
        .set("cache_disk", "3GiB".to_owned(), Origin::Flag)
        .unwrap();
    let again = file(&settings.print()).unwrap();
    for row in SETTINGS {
        assert_eq!(again.text(row.key), settings.text(row.key));
    }
}

#[test]
fn unknown_keys_and_bad_values_are_named() {
    let unknown = file("grpc_lisen = \"x\"").unwrap_err().to_string();
    assert!(
        unknown.contains("`grpc_lisen`") && unknown.contains("grpc_listen"),
        "{unknown}"
    );
    let settings = file("cache_disk = \"lots\"").unwrap();
    let bad = settings.size("cache_disk").unwrap_err().to_string();
    assert!(
        bad.contains("cache_disk is `lots` (from deriva.toml)"),
        "{bad}"
    );
    assert!(matches!(
        file("a = [[1]]\nb ="),
        Err(SettingsError::BadFile { .. })
    ));
}

#[test]
fn sizes_have_units() {
    for (text, bytes) in [
        ("0", 0),
        ("7B", 7),
        ("16KiB", 16384),
        ("1 MiB", 1 << 20),
        ("2GiB", 2 << 30),
    ] {
        assert_eq!(parse_size(text), Some(bytes), "{text}");
    }
    for text in ["", "KiB", "1KB", "-1", "1.5MiB", "99999999999GiB"] {
        assert_eq!(parse_size(text), None, "{text}");
    }
}

#[test]
fn every_default_is_accepted() {
    let settings = Settings::default();
    for row in SETTINGS.iter().filter(|row| row.default.ends_with("iB")) {
        assert!(settings.size(row.key).is_ok(), "{}", row.key);
    }
}
