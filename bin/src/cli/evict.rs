//! `evict --all`: the node's cache is emptied, through its admin interface.
//!
//! It refuses to follow redirects and to read an answer of any length.

use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{Method, Request, Response, StatusCode, Uri, body::Incoming};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value as Json, json};

use super::{args::Global, failure::Failure, output::Answer};

/// How long the node may take to empty its cache.
const DEADLINE: Duration = Duration::from_secs(60);
/// Bytes of the answer: counts, or an error's words.
const ANSWER_BYTES_MOST: usize = 64 << 10;

#[derive(Debug, Args)]
#[command(after_help = "\
The node's admin interface is asked, not the --server: with a server of your own, name its admin address too.
JSON: {\"admin\",\"evicted\":{\"values\",\"bytes\"}}")]
pub(super) struct EvictArgs {
    /// Evict every value. There is no way to evict some; `invalidate` drops one.
    #[arg(long, required = true)]
    all: bool,
    /// The node's admin interface; http://127.0.0.1:9090 unless a --server is given.
    #[arg(long, value_name = "URL", env = "DERIVA_ADMIN")]
    admin: Option<String>,
}

/// Where a node's admin interface listens if it is not told otherwise.
const ADMIN: &str = "http://127.0.0.1:9090";

pub(super) async fn run(global: &Global, what: EvictArgs) -> Result<Answer, Failure> {
    let uri = endpoint(&chosen(global, what.admin)?)?;
    let call = async { answered(&uri, send(&uri).await?).await };
    match tokio::time::timeout(DEADLINE, call).await {
        Ok(answer) => answer,
        Err(_) => Err(Failure::local(format!(
            "{uri}: no answer within {} s",
            DEADLINE.as_secs()
        ))),
    }
}

/// The admin address of the node that is meant. Nothing leads from a server to it, and the default
/// one may be another node's.
fn chosen(global: &Global, admin: Option<String>) -> Result<String, Failure> {
    match admin {
        Some(admin) => Ok(admin),
        None if global.names_a_server() => Err(Failure::Usage {
            message: "--server (or DERIVA_SERVER) names a node, and evict needs that node's admin address"
                .to_owned(),
            hint: Some("give --admin URL (or DERIVA_ADMIN); the node's ready line tells it".to_owned()),
        }),
        None => Ok(ADMIN.to_owned()),
    }
}

fn endpoint(admin: &str) -> Result<Uri, Failure> {
    let wrong = || {
        Failure::usage(format!(
            "--admin {admin}: a URL begins with http://HOST:PORT"
        ))
    };
    let base = admin.trim_end_matches('/');
    let uri = format!("{base}/v1/cache/evict")
        .parse::<Uri>()
        .map_err(|_| wrong())?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http"), Some(_)) => Ok(uri),
        _ => Err(wrong()),
    }
}

async fn send(uri: &Uri) -> Result<Response<Incoming>, Failure> {
    let request = Request::builder()
        .method(Method::POST)
        .uri(uri)
        .body(Empty::<Bytes>::new());
    let request = request.map_err(|e| Failure::usage(format!("{uri}: {e}")))?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    client
        .request(request)
        .await
        .map_err(|e| match e.is_connect() {
            true => Failure::Unreachable {
                message: format!("cannot reach {uri}: {}", root_words(&e)),
                hint: "name the node's admin address with --admin URL; its ready line tells it"
                    .to_owned(),
            },
            false => Failure::local(format!("{uri}: {}", root_words(&e))),
        })
}

async fn answered(uri: &Uri, response: Response<Incoming>) -> Result<Answer, Failure> {
    let status = response.status();
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MOST)
        .collect()
        .await;
    let body = body
        .map_err(|e| Failure::local(format!("{uri}: {e}")))?
        .to_bytes();
    render(uri, status, &body)
}

fn render(uri: &Uri, status: StatusCode, body: &[u8]) -> Result<Answer, Failure> {
    let words = String::from_utf8_lossy(body).trim().to_owned();
    let said = serde_json::from_slice::<Json>(body).unwrap_or_else(|_| json!(words));
    if !status.is_success() {
        let told = |key: &str| said["error"][key].as_str().map(str::to_owned);
        let message = told("message").unwrap_or(words);
        let hint = told("hint");
        return Err(Failure::Local {
            message: format!("{uri} answered {status}: {message}"),
            hint,
        });
    }
    let admin = uri.authority().map_or("", |node| node.as_str());
    let admin = format!("http://{admin}");
    let text = match (said["values"].as_u64(), said["bytes"].as_u64()) {
        (Some(values), Some(bytes)) => format!("{admin}: {values} values dropped, {bytes} bytes"),
        _ => format!("{admin}: the cache is empty"),
    };
    Ok(Answer::new(
        text,
        json!({ "admin": admin, "evicted": said }),
    ))
}

/// The innermost cause says what happened.
fn root_words(error: &(dyn std::error::Error + 'static)) -> String {
    let mut root = error;
    while let Some(cause) = root.source() {
        root = cause;
    }
    root.to_string()
}

#[cfg(test)]
#[path = "evict_test.rs"]
mod evict_test;
