//! Writes the page of the functions from the registry, so that it cannot say what the node does not:
//! `cargo run -q -p deriva-compute --example functions_page > runtime/compute/FUNCTIONS.md`.
//! A test compares the page with what this prints. It refuses to know anything of its own about a function.

use deriva_compute::Registry;
use deriva_compute::function::{ComputeFunction, FunctionSpec, Presence};

/// A file whose code is compiled and tested; the page quotes what lies between `// begin` and `// end`.
const TWENTY_LINES: &str = include_str!("../src/builtin/twenty_lines_test.rs");

const HEAD: &str = "# The functions of a node

Written by `cargo run -q -p deriva-compute --example functions_page > runtime/compute/FUNCTIONS.md`; do not edit.

A name and version mean the same bytes out for ever. Params are given as typed values or as the one string that spells
them. A function that *streams* computes piece by piece, in memory that does not grow with its inputs unless its
description says what it holds; every other takes at most 64 MiB of inputs in total. What sorts, joins, groups or reads
from the end sorts or keeps in scratch files what its scratch memory (256 MiB by default) does not hold: at most some
three times its inputs, and for `csv_join` the right side of the result besides. One line must fit into about a quarter
of that memory, one record into about a tenth. Each runs in a budget of output, scratch memory, steps and time, and gives a typed refusal
when it is used up, never a short value; a full scratch directory is a fault that a later call may not meet. Encoders of
64-bit machines are meant where bytes are compressed.
";

const HOW: &str = "
## How to add one, in twenty lines

1. Write it into a file of `src/builtin/`. This one is complete, streams, and is tested as it stands here
   (`src/builtin/twenty_lines_test.rs`):

```rust
";

const THEN: &str = "```

2. Add `shout()` to `streamed()` in `src/builtin/mod.rs`, and its name to the list in `src/registry_test.rs`.
3. Add its vectors (something usual, the empty input, each param, a refusal) to a `vectors_…_test.rs`. Each is run in one
   go and as a stream in pieces of several lengths:
   `(\"shout\", &[b\"a\\nb\"], &[], Is(b\"a!\\nb!\\n\")),`
4. Add a call to `CALLS` in `src/builtin/properties_test.rs`: it is then fed noise, tiny budgets and random cuts.
5. Write this page anew.

For work on bytes rather than lines implement `Transform` (`src/builtin/flow.rs`), for records of a table `RecordWork`
(`src/builtin/csv_columns.rs`); what needs its input in another order or once more has `Sorter` and `Spool`
(`src/external`), as in `src/builtin/sort_lines.rs` and `src/builtin/reverse.rs`. What must have all of its input at once
implements `ComputeFunction` itself. Charge bytes to the budget before they are held, and bound every buffer. Once released, a
function is never edited to give other bytes: that is a new version beside it.
";

/// The whole page.
pub(crate) fn page() -> String {
    let registry = Registry::builtin();
    let mut page = HEAD.to_string();
    page.push_str("\n| function | version | streams | inputs |\n|---|---|---|---|\n");
    let functions: Vec<_> = registry.list();
    for spec in &functions {
        let streams = if streams(&registry, spec) {
            "yes"
        } else {
            "no"
        };
        let name = &spec.id.name;
        let version = &spec.id.version;
        page.push_str(&format!(
            "| [`{name}`](#{name}) | {version} | {streams} | {} |\n",
            cell(&spec.inputs.to_string())
        ));
    }
    for spec in &functions {
        page.push_str(&section(spec));
    }
    page.push_str(HOW);
    page.push_str(quoted());
    page.push_str(THEN);
    page
}

fn streams(registry: &Registry, spec: &FunctionSpec) -> bool {
    let function = registry.get(&spec.id);
    function.is_some_and(|function| ComputeFunction::streaming(function.as_ref()).is_some())
}

fn section(spec: &FunctionSpec) -> String {
    let mut text = format!("\n## {}\n\n{}\n", spec.id.name, spec.description);
    if !spec.params.is_empty() {
        text.push_str("\n| param | takes | if absent | meaning |\n|---|---|---|---|\n");
    }
    for param in &spec.params {
        let absent = match &param.presence {
            Presence::Required => "refused".to_string(),
            Presence::Optional => "left out".to_string(),
            Presence::Default(value) => format!("`{:?}`", value.canonical_string()),
        };
        text.push_str(&format!(
            "| `{}` | {} | {} | {} |\n",
            param.name,
            cell(&param.kind.to_string()),
            cell(&absent),
            cell(&param.description)
        ));
    }
    text.push_str(&format!("\n`{}`\n", spec.example));
    text
}

/// Text within a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn quoted() -> &'static str {
    let after = TWENTY_LINES.split_once("// begin\n");
    let between = after.and_then(|(_, rest)| rest.split_once("// end"));
    between.map_or("", |(code, _)| code)
}

#[allow(
    dead_code,
    reason = "the test that includes this file calls the page alone"
)]
fn main() {
    print!("{}", page());
}
