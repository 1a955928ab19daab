//! The few sentences that every story says to a node.

use crate::PATIENCE;
use bytes::Bytes;
use deriva_client::{Client, ClientError, Code, MissingInputs, Refusal};
use deriva_model::{CAddr, Recipe};
use std::fmt::Debug;

/// The most that a story holds of one value.
const VALUE_BYTES: usize = 256 << 20;

/// The whole value of an address.
pub async fn fetch(client: &Client, addr: &CAddr) -> Result<Bytes, ClientError> {
    client.get(addr).await?.collect_to_bytes(VALUE_BYTES).await
}

/// Stores one recipe whose inputs exist.
pub async fn store(client: &Client, recipe: &Recipe) -> CAddr {
    let stored = client.put_recipe(recipe, MissingInputs::Refuse).await;
    stored.expect("a good recipe is stored")
}

/// Stores recipes, inputs before consumers, in one stream; answers the addresses.
pub async fn store_all(client: &Client, recipes: Vec<Recipe>) -> Vec<CAddr> {
    let count = recipes.len();
    let stream = client
        .put_recipes(tokio_stream::iter(recipes), MissingInputs::Refuse)
        .await;
    let answers = stream.expect("a stream begins").collect(count).await;
    answers.expect("good recipes are stored")
}

/// The server's refusal; anything else fails the test.
pub fn refusal<T: Debug>(answer: Result<T, ClientError>) -> Refusal {
    match answer {
        Err(ClientError::Refused(refusal)) => *refusal,
        other => panic!("a refusal was expected, not {:.300}", format!("{other:?}")),
    }
}

/// A refusal with that code and reason, whose message contains every one of the words.
pub fn refused<T: Debug>(
    answer: Result<T, ClientError>,
    code: Code,
    reason: &str,
    words: &[&str],
) -> Refusal {
    let refusal = refusal(answer);
    assert_eq!(
        (refusal.code, refusal.reason.as_str()),
        (code, reason),
        "{refusal:?}"
    );
    for word in words {
        assert!(
            refusal.message.contains(word),
            "no {word:?} in: {}",
            refusal.message
        );
    }
    assert!(
        refusal.hint.is_some(),
        "nothing says what to do: {refusal:?}"
    );
    refusal
}

/// Asks again and again, without a pause, until the answer is yes; fails the test after `PATIENCE`.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    if tokio::time::timeout(PATIENCE, asking).await.is_err() {
        panic!("never came true: {what}");
    }
}
