//! How the tree reads: files and functions end before their walls, a file opens with why it exists, and nothing
//! half done is left in it. Tests and generated code are apart. It counts lines and looks for words; whether a
//! sentence is true is for review.

use crate::mask::{code_only, without_tests};
use std::path::{Path, PathBuf};

/// Lines of a file, tests apart.
const FILE_WALL: usize = 400;
/// Lines of a function, from `fn` to its closing brace.
const FUNCTION_WALL: usize = 70;
/// Folders within folders; more is a loop of links, not a source tree.
const DEPTH_LIMIT: usize = 16;

const FLOORS: &[&str] = &[
    "messages", "runtime", "actors", "bin", "tests", "chaos", "golden", "ops",
];

/// Files that may be longer than the wall (generated ones, tables without logic), each with the reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// What must not be left in the code.
const UNDONE: &[&str] = &["todo!", "unimplemented!", "dbg!"];

/// A source file, its path relative to the root with `/` between the parts.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Reads every `.rs` file of the floors that is not a test.
pub(crate) fn read_sources(root: &Path) -> Result<Vec<Source>, String> {
    let mut sources = Vec::new();
    let mut folders: Vec<(PathBuf, usize)> = FLOORS
        .iter()
        .map(|floor| (root.join(floor), 0))
        .filter(|(folder, _)| folder.is_dir())
        .collect();
    while let Some((folder, depth)) = folders.pop() {
        if depth > DEPTH_LIMIT {
            return Err(format!("{}: folders too deep", folder.display()));
        }
        for path in entries(&folder)? {
            if path.is_dir() {
                folders.push((path, depth + 1));
            } else if let Some(source) = read_source(root, &path)? {
                sources.push(source);
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let complain = |error| format!("{}: {error}", folder.display());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(complain)? {
        paths.push(entry.map_err(complain)?.path());
    }
    Ok(paths)
}

fn read_source(root: &Path, path: &Path) -> Result<Option<Source>, String> {
    let relative = path.strip_prefix(root).unwrap_or(path);
    let relative = relative.to_string_lossy().replace('\\', "/");
    if !relative.ends_with(".rs") || is_apart(&relative) {
        return Ok(None);
    }
    let text = std::fs::read_to_string(path).map_err(|error| format!("{relative}: {error}"))?;
    Ok(Some(Source {
        path: relative,
        text,
    }))
}

/// Tests, benches, fuzz targets and what a build left behind are apart.
fn is_apart(path: &str) -> bool {
    path.starts_with("tests/")
        || path.starts_with("chaos/")
        || path.ends_with("_test.rs")
        || path
            .split('/')
            .any(|part| matches!(part, "tests" | "benches" | "fuzz" | "target"))
}

/// Every breach of the habits, one line each with its place; empty if the sources are tidy.
pub(crate) fn breaches(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        let code = without_tests(&code_only(&source.text));
        judge_opening(source, &mut found);
        judge_functions(source, &code, &mut found);
        judge_undone(source, &code, &mut found);
    }
    judge_lengths(sources, LONG_FILES, &mut found);
    found
}

fn judge_opening(source: &Source, found: &mut Vec<String>) {
    if !source.text.starts_with("//! ") {
        found.push(format!(
            "{}:1: a file opens with `//!`, why it exists and what it refuses to do",
            source.path
        ));
    }
}

/// An excuse that no long file needs is a breach too, so that the list does not rot.
fn judge_lengths(sources: &[Source], excused: &[(&str, &str)], found: &mut Vec<String>) {
    let mut needed = Vec::new();
    for source in sources {
        let lines = lines(source);
        if lines <= FILE_WALL {
            continue;
        }
        match excused.iter().find(|(path, _)| *path == source.path) {
            Some((path, _)) => needed.push(*path),
            None => found.push(format!(
                "{}: {lines} lines, the wall is {FILE_WALL}: split it by verb",
                source.path
            )),
        }
    }
    for (path, _) in excused.iter().filter(|(path, _)| !needed.contains(path)) {
        found.push(format!(
            "{path} is excused from the wall of {FILE_WALL} lines and needs no excuse"
        ));
    }
}

/// The lines of a file: comments count, test modules inside of it do not.
fn lines(source: &Source) -> usize {
    let code = code_only(&source.text);
    let tests = blanked_lines(&code, &without_tests(&code));
    source.text.lines().count() - tests
}

/// How many lines hold something in `before` and nothing in `after`.
fn blanked_lines(before: &str, after: &str) -> usize {
    before
        .lines()
        .zip(after.lines())
        .filter(|(before, after)| !before.trim().is_empty() && after.trim().is_empty())
        .count()
}

fn judge_functions(source: &Source, code: &str, found: &mut Vec<String>) {
    for function in functions(code) {
        if function.lines > FUNCTION_WALL {
            found.push(format!(
                "{}:{}: fn {} has {} lines, the wall is {FUNCTION_WALL}",
                source.path, function.line, function.name, function.lines
            ));
        }
    }
}

fn judge_undone(source: &Source, code: &str, found: &mut Vec<String>) {
    for (number, line) in code.lines().enumerate() {
        for word in UNDONE {
            if line.contains(word) {
                found.push(format!("{}:{}: {word} is left", source.path, number + 1));
            }
        }
    }
}

struct Function<'a> {
    name: &'a str,
    line: usize,
    lines: usize,
}

/// The functions with a body, in the order of their `fn`.
fn functions(code: &str) -> Vec<Function<'_>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = code[from..].find("fn ").map(|at| from + at) {
        from = at + 3;
        if !starts_word(code, at) {
            continue;
        }
        let name = code[from..].trim_start();
        let name_end = name.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
        let name = &name[..name_end.unwrap_or(name.len())];
        if let Some(end) = body_end(&code[at..]).filter(|_| !name.is_empty()) {
            found.push(Function {
                name,
                line: code[..at].matches('\n').count() + 1,
                lines: code[at..at + end].matches('\n').count() + 1,
            });
        }
    }
    found
}

fn starts_word(code: &str, at: usize) -> bool {
    let before = code[..at].chars().next_back();
    !before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
}

/// Where the body of the function that `code` begins with ends; `None` for one without a body. A `;` between
/// brackets (`[u8; 32]`) belongs to the signature.
fn body_end(code: &str) -> Option<usize> {
    let (mut braces, mut brackets) = (0_usize, 0_usize);
    for (at, letter) in code.char_indices() {
        match letter {
            '[' | '(' if braces == 0 => brackets += 1,
            ']' | ')' if braces == 0 => brackets = brackets.saturating_sub(1),
            ';' if braces == 0 && brackets == 0 => return None,
            '{' => braces += 1,
            '}' if braces == 1 => return Some(at),
            '}' => braces = braces.saturating_sub(1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
#[path = "tidy_test.rs"]
mod tidy_test;
