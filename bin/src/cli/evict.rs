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

use super::{failure::Failure, output::Answer};

/// How long the node may take to empty its cache.
const DEADLINE: Duration = Duration::from_secs(60);
/// Bytes of the answer: counts, or an error's words.
const ANSWER_BYTES_MOST: usize = 64 << 10;

#[derive(Debug, Args)]
#[command(after_help = "JSON: {\"evicted\":{\"values\",\"bytes\"}}")]
pub(super) struct EvictArgs {
    /// Evict every value. There is no way to evict some; `invalidate` drops one.
    #[arg(long, required = true)]
    all: bool,
    /// The node's admin interface.
    #[arg(
        long,
        value_name = "URL",
        env = "DERIVA_ADMIN",
        default_value = "http://127.0.0.1:9090"
    )]
    admin: String,
}

pub(super) async fn run(what: EvictArgs) -> Result<Answer, Failure> {
    let uri = endpoint(&what.admin)?;
    let call = async { answered(&uri, send(&uri).await?).await };
    match tokio::time::timeout(DEADLINE, call).await {
        Ok(answer) => answer,
        Err(_) => Err(Failure::local(format!(
            "{uri}: no answer within {} s",
            DEADLINE.as_secs()
        ))),
    }
}

fn endpoint(admin: &str) -> Result<Uri, Failure> {
    let wrong = || {
        Failure::Usage(format!(
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
    let request = request.map_err(|e| Failure::Usage(format!("{uri}: {e}")))?;
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
    let text = match (said["values"].as_u64(), said["bytes"].as_u64()) {
        (Some(values), Some(bytes)) => format!("{values} values dropped, {bytes} bytes"),
        _ => "the cache is empty".to_owned(),
    };
    Ok(Answer::new(text, json!({ "evicted": said })))
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
