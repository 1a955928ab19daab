//! The page of the functions says what the registry says; it is written anew, never edited.

#[allow(dead_code, reason = "the program around the page is not run here")]
#[path = "../examples/functions_page.rs"]
mod functions_page;

#[test]
fn the_page_is_what_the_registry_says() {
    let kept = include_str!("../FUNCTIONS.md");
    assert!(
        functions_page::page() == kept,
        "runtime/compute/FUNCTIONS.md is stale; run `cargo run -q -p deriva-compute --example functions_page > runtime/compute/FUNCTIONS.md`"
    );
}
