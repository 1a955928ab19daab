//! A command line that did not parse: what was wrong with it, and how the command is used.
//!
//! It refuses the parser's own usage line, which counts options with a default among what has to be
//! given; the command's full usage stands in its place.

use std::ffi::OsString;

use clap::CommandFactory as _;

use super::{
    args::{Cli, Format},
    failure::Failure,
};

/// Where the parser's words about the mistake end and its usage begins.
const TAILS: [&str; 2] = ["\n\nUsage:", "\n\nFor more information"];

/// Tells wrong usage, or prints the help that was asked for; answers the exit code.
pub(super) fn refuse(words: &clap::Error, argv: &[OsString]) -> u8 {
    use clap::error::ErrorKind::{
        DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand as Bare, DisplayVersion,
    };
    // clap chooses standard output for help and standard error for refusals. When neither can be
    // written to, the exit code is all that is left to say.
    match (words.kind(), wants_json(argv)) {
        (DisplayHelp | DisplayVersion, _) => match words.print() {
            Ok(()) | Err(_) => 0,
        },
        (Bare, false) => match words.print() {
            Ok(()) | Err(_) => 2,
        },
        (Bare, true) => Failure::Usage {
            message: "a command is needed".to_owned(),
            hint: Some("`deriva --help` lists the commands".to_owned()),
        }
        .tell(Format::Json),
        (_, true) => short(&words.render().to_string(), argv).tell(Format::Json),
        (_, false) => {
            use std::io::Write as _;
            let text = long(&words.render().to_string(), argv);
            match writeln!(std::io::stderr().lock(), "{text}") {
                Ok(()) | Err(_) => 2,
            }
        }
    }
}

/// The parser's words about the mistake, without its usage.
fn mistake(rendered: &str) -> &str {
    let ends = TAILS.iter().filter_map(|tail| rendered.find(tail));
    let end = ends.min().unwrap_or(rendered.len());
    rendered[..end].trim_end()
}

fn long(rendered: &str, argv: &[OsString]) -> String {
    let (usage, command) = usage(argv);
    let mistake = mistake(rendered);
    format!("{mistake}\n\n{usage}\n\nFor more information, try `{command} --help`.")
}

/// One line for what is wrong, one for what to do.
fn short(rendered: &str, argv: &[OsString]) -> Failure {
    let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mistake = mistake(rendered);
    let (message, tip) = mistake.split_once("\n\n").unwrap_or((mistake, ""));
    let tip = line(tip);
    let hint = match tip.strip_prefix("tip: ").unwrap_or(&tip) {
        "" => format!("`{} --help` tells how it is used", usage(argv).1),
        tip => tip.to_owned(),
    };
    Failure::Usage {
        message: line(message.strip_prefix("error: ").unwrap_or(message)),
        hint: Some(hint),
    }
}

/// The usage of the command that was meant, and its name.
fn usage(argv: &[OsString]) -> (String, String) {
    let mut meant = Cli::command();
    meant.build();
    let mut name = "deriva".to_owned();
    for word in argv.iter().skip(1).filter_map(|word| word.to_str()) {
        if let Some(next) = meant.find_subcommand(word).cloned() {
            name = format!("{name} {word}");
            meant = next;
        }
    }
    (meant.render_usage().to_string(), name)
}

/// A command line that did not parse can still say how it wants to be told so.
fn wants_json(argv: &[OsString]) -> bool {
    let joined = argv.iter().any(|arg| arg == "--output=json");
    joined
        || argv
            .windows(2)
            .any(|pair| pair[0] == "--output" && pair[1] == "json")
}

#[cfg(test)]
#[path = "usage_test.rs"]
mod usage_test;
