//! A graph drawn as an indented tree.
//!
//! It refuses to repeat itself: a node that several consumers share is drawn beneath the first and
//! named by the others, so that the drawing is no longer than the graph has edges. It walks without
//! recursion, because a chain may be a million long.

use std::collections::{HashMap, HashSet};

use deriva_client::Explained;
use deriva_model::CAddr;

use super::address::short;

/// Levels that are drawn; beneath them a line says that there is more.
const LEVELS_MOST: usize = 100;
/// Lines that are drawn; after them a line says that there is more.
const LINES_MOST: usize = 10_000;
/// Characters of one param's value.
const PARAM_CHARS_MOST: usize = 40;

/// Draws everything beneath `root`, itself first.
pub(super) fn render(root: &CAddr, nodes: &[Explained]) -> String {
    let known = nodes
        .iter()
        .map(|node| (node.addr, node))
        .collect::<HashMap<_, _>>();
    let mut drawn = HashSet::new();
    let mut lines = Vec::new();
    let mut open = vec![(*root, 0)];
    while let Some((addr, level)) = open.pop() {
        if lines.len() == LINES_MOST {
            lines.push("… and more; `--query order` lists everything".to_owned());
            break;
        }
        let indent = "  ".repeat(level);
        let Some(node) = known.get(&addr) else {
            lines.push(format!("{indent}{}  not shown by the server", short(&addr)));
            continue;
        };
        let again = !drawn.insert(addr) && !node.inputs.is_empty();
        let note = match (again, level == LEVELS_MOST && !node.inputs.is_empty()) {
            (true, _) => "  (drawn above)",
            (false, true) => "  … deeper; `--query order` lists everything",
            (false, false) => {
                open.extend(node.inputs.iter().rev().map(|input| (*input, level + 1)));
                ""
            }
        };
        lines.push(format!("{indent}{}{note}", line(node)));
    }
    lines.join("\n")
}

fn line(node: &Explained) -> String {
    let mut words = vec![short(&node.addr)];
    match &node.function {
        Some(function) => words.push(format!(" {} {}", function.name, function.version)),
        None => words.push(format!(" {}", node.kind)),
    }
    words.extend(
        node.params
            .iter()
            .map(|(key, value)| format!("{key}={}", cut(value))),
    );
    words.join(" ")
}

fn cut(value: &str) -> String {
    let quoted = format!("{value:?}");
    match quoted.char_indices().nth(PARAM_CHARS_MOST) {
        Some((at, _)) => format!("{}…", &quoted[..at]),
        None => quoted,
    }
}

#[cfg(test)]
#[path = "tree_test.rs"]
mod tree_test;
