//! Holds the visibility table: which of our crates may see which, in which room a dependency is kept, what may not
//! be in the tree at all, that a direct dependency stands there once, and that every other duplicate is explained.
//! It judges what the manifests declare;
//! what the code does inside a room is for review.

use crate::map::{BANNED, DUPLICATES_RECORD, KEPT, PURE, ROOMS, Room, UNIFIED};
use crate::metadata::{Kind, Member, Named, Tree};
use std::collections::{BTreeMap, BTreeSet};

/// Every breach of the map, one sentence each; empty if the walls stand. `record` is the text of the decision record
/// about duplicates.
pub(crate) fn breaches(tree: &Tree, record: &str) -> Vec<String> {
    let mut found = Vec::new();
    for member in &tree.members {
        match ROOMS.iter().find(|room| room.name == member.name) {
            Some(room) => judge_member(member, room, &mut found),
            None => found.push(format!(
                "{} stands in {} but not on the map (ops/xtask/src/map.rs)",
                member.name, member.folder
            )),
        }
    }
    judge_banned(tree, &mut found);
    judge_versions(tree, record, &mut found);
    found
}

fn judge_member(member: &Member, room: &Room, found: &mut Vec<String>) {
    if member.folder != room.folder {
        found.push(format!(
            "{} lies in {}, its floor is {}",
            member.name, member.folder, room.folder
        ));
    }
    for named in &member.names {
        if ROOMS.iter().any(|other| other.name == named.name) {
            judge_sight(room, &named.name, named.kind, found);
        } else if named.kind != Kind::Dev {
            judge_kept(member, &named.name, found);
            judge_pure(member, &named.name, found);
        }
    }
    judge_unified(member, found);
}

/// A build dependency of a crate without a build script is never compiled; it only takes part in the choice of
/// features, and that is what these are for.
fn judge_unified(member: &Member, found: &mut Vec<String>) {
    let Some(unified) = UNIFIED.iter().find(|unified| unified.name == member.name) else {
        return;
    };
    for dependency in unified.build_dependencies {
        let is_named = |named: &Named| named.kind == Kind::Build && named.name == *dependency;
        if !member.names.iter().any(is_named) {
            found.push(format!(
                "{} must name {dependency} in [build-dependencies]: {}",
                member.name, unified.reason
            ));
        }
    }
}

fn judge_sight(room: &Room, seen: &str, kind: Kind, found: &mut Vec<String>) {
    let allowed = room.sees.contains(&seen);
    let (allowed, section) = match kind {
        Kind::Dev => (
            allowed || room.tests_see.contains(&seen),
            "dev-dependencies",
        ),
        Kind::Build => (allowed, "build-dependencies"),
        Kind::Normal => (allowed, "dependencies"),
    };
    if !allowed {
        found.push(format!(
            "{} may not see {seen}, but names it in [{section}]",
            room.name
        ));
    }
}

fn judge_kept(member: &Member, dependency: &str, found: &mut Vec<String>) {
    let Some(kept) = KEPT.iter().find(|kept| kept.dependency == dependency) else {
        return;
    };
    if !kept.rooms.contains(&member.name.as_str()) {
        found.push(format!(
            "{} names {dependency}, which is kept in {}: {}",
            member.name,
            kept.rooms.join(", "),
            kept.reason
        ));
    }
}

fn judge_pure(member: &Member, dependency: &str, found: &mut Vec<String>) {
    let Some((_, allowed)) = PURE.iter().find(|(name, _)| *name == member.name) else {
        return;
    };
    if !allowed.contains(&dependency) {
        found.push(format!(
            "{} is pure and names {dependency}; it may name {}",
            member.name,
            allowed.join(", ")
        ));
    }
}

fn judge_banned(tree: &Tree, found: &mut Vec<String>) {
    for (banned, reason) in BANNED {
        if tree.packages.iter().any(|package| package.name == *banned) {
            found.push(format!(
                "{banned} is in the tree (cargo tree -i {banned}): {reason}"
            ));
        }
    }
}

/// A package that one of ours names stands in the tree in one version. Any other duplicate is explained in the
/// record, and the record explains no other, so that it does not rot.
fn judge_versions(tree: &Tree, record: &str, found: &mut Vec<String>) {
    let direct: BTreeSet<&str> = tree
        .members
        .iter()
        .flat_map(|member| member.names.iter().map(|named| named.name.as_str()))
        .collect();
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in &tree.packages {
        let listed = versions.entry(&package.name).or_default();
        listed.push(&package.version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    let explained = explained(record);
    for (name, versions) in &versions {
        let listed = versions.join(" and ");
        if direct.contains(name) {
            found.push(format!(
                "{name}, a direct dependency, stands in the tree as {listed}: one version of each"
            ));
        } else if !explained.contains(name) {
            found.push(format!(
                "{name} stands in the tree as {listed}: end that, or explain it in {DUPLICATES_RECORD}"
            ));
        }
    }
    for name in explained {
        if !versions.contains_key(name) {
            found.push(format!(
                "{DUPLICATES_RECORD} explains {name}, which stands in the tree once"
            ));
        }
    }
}

/// The packages of the record: its table rows begin with a name between backquotes.
fn explained(record: &str) -> BTreeSet<&str> {
    record
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|rest| rest.split_once('`'))
        .map(|(name, _)| name)
        .collect()
}

#[cfg(test)]
#[path = "walls_test.rs"]
mod walls_test;
