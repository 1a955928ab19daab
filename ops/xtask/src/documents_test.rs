use super::*;

#[test]
fn the_targets_of_a_makefile_are_its_rules() {
    let targets = make_targets("A := b\n.PHONY: x\nhelp: ## list\n\t@echo a: b\nbuild-all: help\n");
    assert_eq!(
        targets.into_iter().collect::<Vec<_>>(),
        ["build-all", "help"]
    );
}

#[test]
fn a_command_that_the_makefile_lacks_is_a_breach_wherever_it_stands() {
    let targets = BTreeSet::from(["test"]);
    let mut found = Vec::new();
    let text = "`make test` and `make tea`\n$ make coffee\nwe make nothing of this\n";
    judge_commands("README.md", text, &targets, &mut found);
    assert_eq!(
        found,
        [
            "README.md:1: the Makefile has no target tea",
            "README.md:2: the Makefile has no target coffee"
        ]
    );
}

#[test]
fn a_link_to_a_missing_file_is_a_breach_and_one_to_the_web_is_not() {
    let mut found = Vec::new();
    let text = "[a](there.md#x) [b](gone.md) [c](https://example.org/x) [d](#anchor)";
    judge_links("README.md", text, |link| link == "there.md", &mut found);
    assert_eq!(found, ["README.md:1: gone.md is not there"]);
}
