//! `verify`: whether what an address stands for comes out the same when it is made again.

use clap::Args;
use deriva_client::{Client, Depth};
use deriva_model::FunctionId;
use serde_json::json;

use super::{
    address::Target,
    failure::Failure,
    output::{Answer, columns},
};

#[derive(Debug, Args)]
#[command(after_help = "\
The function is executed twice, afresh, on its inputs; what the two made is compared with one another and with the value that is known. If they differ the function is marked: nothing made through it is served any more, and its recipes are refused, until the mark is cleared with --clear NAME VERSION. `deriva functions` shows the marks. A leaf is read and compared with its address.
The exit code is 1 when the bytes differ or the computation failed.
JSON: {\"addr\",\"deterministic\",\"output_hash\",\"output_size\",\"compute_time_us\",\"error\"}; with --clear {\"function\",\"version\",\"was_marked\"}")]
pub(super) struct VerifyArgs {
    /// What to verify.
    #[arg(required_unless_present = "clear")]
    addr: Option<Target>,
    /// Verify every function beneath it, too.
    #[arg(long, requires = "addr")]
    deep: bool,
    /// Let a function be used again that was caught giving two answers.
    #[arg(long, num_args = 2, value_names = ["NAME", "VERSION"], conflicts_with = "addr")]
    clear: Option<Vec<String>>,
}

pub(super) async fn run(client: &Client, what: VerifyArgs) -> Result<Answer, Failure> {
    if let Some([name, version]) = what.clear.as_deref() {
        return clear(client, FunctionId::new(name, version)).await;
    }
    let Some(target) = what.addr else {
        return Err(Failure::usage("say which address to verify"));
    };
    let depth = match what.deep {
        true => Depth::Graph,
        false => Depth::Root,
    };
    let addr = target.find(client).await?;
    let said = client.verify(&addr, depth).await?;
    let mut rows = vec![
        ("addr", addr.to_string()),
        ("deterministic", said.deterministic.to_string()),
        ("output hash", said.output_hash.clone()),
        ("output size", said.output_size.to_string()),
        ("took", format!("{} µs", said.compute_time_us)),
    ];
    if !said.error.is_empty() {
        rows.push(("error", said.error.clone()));
    }
    let json = json!({
        "addr": addr.to_string(), "deterministic": said.deterministic,
        "output_hash": said.output_hash, "output_size": said.output_size,
        "compute_time_us": said.compute_time_us, "error": said.error,
    });
    let answer = Answer::new(columns(&rows), json);
    Ok(if said.deterministic && said.error.is_empty() {
        answer
    } else {
        answer.failed()
    })
}

async fn clear(client: &Client, function: FunctionId) -> Result<Answer, Failure> {
    let was_marked = client.clear_mark(&function).await?;
    let words = match was_marked {
        true => "is executed again",
        false => "was not marked",
    };
    let json = json!({
        "function": function.name, "version": function.version, "was_marked": was_marked,
    });
    Ok(Answer::new(format!("{function} {words}"), json))
}
