#![allow(clippy::unwrap_used)]
use super::*;
use crate::metadata::Package;

fn member(name: &str, folder: &str, names: &[(&str, Kind)]) -> Member {
    let names = names
        .iter()
        .map(|(name, kind)| Named {
            name: (*name).to_owned(),
            kind: *kind,
        })
        .collect();
    Member {
        name: name.to_owned(),
        folder: folder.to_owned(),
        names,
    }
}

fn package(name: &str, version: &str) -> Package {
    Package {
        name: name.to_owned(),
        version: version.to_owned(),
    }
}

fn tree(members: Vec<Member>) -> Tree {
    Tree {
        members,
        packages: BTreeSet::new(),
    }
}

fn only_breach(tree: &Tree) -> String {
    let found = breaches(tree, "");
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

#[test]
fn a_crate_that_keeps_to_the_map_passes() {
    let store = member(
        "deriva-store",
        "runtime/store",
        &[
            ("deriva-system", Kind::Normal),
            ("rocksdb", Kind::Normal),
            ("protox", Kind::Build),
            ("tonic-prost-build", Kind::Build),
        ],
    );
    assert_eq!(breaches(&tree(vec![store]), ""), Vec::<String>::new());
}

#[test]
fn a_look_upward_is_a_breach_in_every_section_of_the_manifest() {
    for kind in [Kind::Normal, Kind::Build, Kind::Dev] {
        let system = member(
            "deriva-system",
            "runtime/system",
            &[("deriva-actors", kind)],
        );
        let found = only_breach(&tree(vec![system]));
        assert!(found.contains("may not see deriva-actors"), "{found}");
    }
}

#[test]
fn what_only_tests_may_see_is_a_breach_outside_of_tests() {
    let named = |kind| member("deriva-actors", "actors/node", &[("deriva-compute", kind)]);
    assert!(breaches(&tree(vec![named(Kind::Dev)]), "").is_empty());
    assert!(only_breach(&tree(vec![named(Kind::Normal)])).contains("[dependencies]"));
}

#[test]
fn a_crate_off_its_floor_and_a_crate_off_the_map_are_breaches() {
    let moved = member("deriva-model", "runtime/model", &[]);
    assert!(only_breach(&tree(vec![moved])).contains("its floor is messages/model"));
    let stranger = member("deriva-util", "runtime/util", &[]);
    assert!(only_breach(&tree(vec![stranger])).contains("not on the map"));
}

#[test]
fn a_kept_dependency_outside_of_its_room_is_a_breach_but_not_in_tests() {
    let named = |kind| member("deriva-bin", "bin", &[("rocksdb", kind)]);
    assert!(only_breach(&tree(vec![named(Kind::Normal)])).contains("kept in deriva-store"));
    assert!(breaches(&tree(vec![named(Kind::Dev)]), "").is_empty());
}

#[test]
fn the_pure_crate_may_not_name_a_runtime() {
    let model = member("deriva-model", "messages/model", &[("tokio", Kind::Normal)]);
    assert!(only_breach(&tree(vec![model])).contains("pure"));
}

#[test]
fn a_second_tls_provider_is_a_breach_wherever_it_comes_from() {
    let mut tree = tree(Vec::new());
    tree.packages.insert(package("ring", "0.17.14"));
    assert!(only_breach(&tree).contains("ring is in the tree"));
}

#[test]
fn a_direct_dependency_in_two_versions_is_a_breach_whatever_the_record_says() {
    let mut tree = tree(vec![member(
        "deriva-proto",
        "messages/proto",
        &[("prost", Kind::Normal)],
    )]);
    tree.packages = BTreeSet::from([package("prost", "0.13.5"), package("prost", "0.14.6")]);
    let found = breaches(&tree, "| `prost` | because |");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains("stands in the tree as 0.13.5 and 0.14.6"),
        "{found:?}"
    );
}

#[test]
fn any_other_duplicate_is_a_breach_until_the_record_explains_it() {
    let mut tree = tree(Vec::new());
    tree.packages = BTreeSet::from([package("syn", "2.0.119"), package("syn", "3.0.10")]);
    assert!(only_breach(&tree).contains("explain it"));
    assert!(breaches(&tree, "| `syn` | old | new |").is_empty());
}

#[test]
fn an_explanation_of_what_is_gone_is_a_breach() {
    let mut tree = tree(Vec::new());
    tree.packages = BTreeSet::from([package("syn", "3.0.10")]);
    let found = breaches(&tree, "| `syn` | old | new |");
    assert!(found[0].contains("stands in the tree once"), "{found:?}");
}

#[test]
fn the_store_must_choose_features_as_the_workspace_does() {
    let store = member("deriva-store", "runtime/store", &[("protox", Kind::Build)]);
    assert!(only_breach(&tree(vec![store])).contains("must name tonic-prost-build"));
}

#[test]
fn the_map_has_no_room_twice_and_sees_only_rooms() {
    let mut names: Vec<&str> = ROOMS.iter().map(|room| room.name).collect();
    for room in ROOMS {
        for seen in room.sees.iter().chain(room.tests_see) {
            assert!(names.contains(seen), "{} sees {seen}", room.name);
        }
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ROOMS.len());
}
