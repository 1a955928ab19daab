//! Bad input: addresses that are none, and addresses that stand for nothing.

use crate::raw;
use bytes::Bytes;
use deriva_client::{
    Code,
    proto::{
        EvaluateRequest, ExplainRequest, GetRequest, GraphRequest, InvalidateRequest,
        PutRecipeRequest, ResolveRequest, TraceRequest,
    },
};
use deriva_model::CAddr;
use deriva_tests::{Launch, fetch, refused};

/// Bytes that are no address: none, one too few, one too many, far too many, digits.
fn no_addresses() -> [Bytes; 6] {
    let digits = CAddr::of_leaf(b"x").to_hex();
    [
        Bytes::new(),
        vec![7; 1].into(),
        vec![7; 31].into(),
        vec![7; 33].into(),
        vec![7; 1 << 20].into(),
        digits.into(),
    ]
}

#[tokio::test]
async fn every_call_refuses_what_is_no_address() {
    let node = Launch::new().start().await;
    let mut stub = raw::stub(&node).await;
    for addr in no_addresses() {
        let len = addr.len().to_string();
        let mut told = Vec::new();
        macro_rules! refuses {
            ($call:ident, $request:expr) => {
                let answer = stub.$call($request).await.map(|_| tonic::Response::new(()));
                let code = tonic::Code::InvalidArgument;
                told.push(raw::refused(answer, code, "MALFORMED").message);
            };
        }
        refuses!(
            get,
            GetRequest {
                addr: addr.clone(),
                ..Default::default()
            }
        );
        refuses!(resolve, ResolveRequest { addr: addr.clone() });
        refuses!(
            invalidate,
            InvalidateRequest {
                addr: addr.clone(),
                cascade: false
            }
        );
        refuses!(
            graph,
            GraphRequest {
                addr: addr.clone(),
                query: 0
            }
        );
        refuses!(explain, ExplainRequest { addr: addr.clone() });
        refuses!(trace, TraceRequest { addr: addr.clone() });
        let recipe = PutRecipeRequest {
            function_name: "concat".to_owned(),
            function_version: "1.0.0".to_owned(),
            inputs: vec![
                CAddr::of_leaf(b"x").as_bytes().to_vec().into(),
                addr.clone(),
            ],
            allow_missing_inputs: true,
            ..Default::default()
        };
        refuses!(put_recipe, recipe.clone());
        assert!(told.last().unwrap().contains("input 1"), "{told:?}");
        refuses!(
            evaluate,
            EvaluateRequest {
                recipes: vec![recipe],
                ..Default::default()
            }
        );
        if !addr.is_empty() {
            refuses!(
                evaluate,
                EvaluateRequest {
                    root: addr.clone(),
                    ..Default::default()
                }
            );
        }
        for message in &told {
            assert!(
                message.contains("32") && message.contains(&len),
                "{message}"
            );
        }
        if addr.len() == 64 {
            assert!(
                told.iter().all(|message| message.contains("hex")),
                "{told:?}"
            );
        }
    }
    assert_eq!(node.client().await.status().await.unwrap().recipe_count, 0);
}

#[tokio::test]
async fn an_address_that_stands_for_nothing_is_named() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let nowhere = CAddr::of_leaf(b"never put");
    let hex = nowhere.to_hex();
    let words = [hex.as_str()];
    let get = refused(
        fetch(&client, &nowhere).await,
        Code::NotFound,
        "NOT_FOUND",
        &words,
    );
    assert_eq!(get.addr, Some(nowhere));
    refused(
        client.invalidate(&nowhere).await,
        Code::NotFound,
        "NOT_FOUND",
        &words,
    );
    let trace = match client.trace(&nowhere).await {
        Ok(stream) => stream.collect_to_bytes(100).await,
        Err(error) => Err(error),
    };
    refused(trace, Code::NotFound, "NOT_FOUND", &words);
    let explained = match client.explain(&nowhere).await {
        Ok(stream) => stream.collect(100).await,
        Err(error) => Err(error),
    };
    refused(explained, Code::NotFound, "NOT_FOUND", &words);
}

#[tokio::test]
async fn numbers_that_name_no_choice_are_refused() {
    let node = Launch::new().start().await;
    let mut stub = raw::stub(&node).await;
    let leaf = node.client().await.put_leaf(&b"x"[..]).await.unwrap();
    let addr = Bytes::copy_from_slice(leaf.as_bytes());
    let code = tonic::Code::InvalidArgument;
    let mode = GetRequest {
        addr: addr.clone(),
        mode: 99,
        ..Default::default()
    };
    let told = raw::refused(stub.get(mode).await, code, "MALFORMED");
    assert!(told.message.contains("99"), "{told:?}");
    let query = GraphRequest {
        addr: addr.clone(),
        query: 99,
    };
    let told = raw::refused(stub.graph(query).await, code, "MALFORMED");
    assert!(told.message.contains("99"), "{told:?}");
    let keep = EvaluateRequest {
        root: addr,
        keep: 99,
        ..Default::default()
    };
    let told = raw::refused(stub.evaluate(keep).await, code, "MALFORMED");
    assert!(told.message.contains("99"), "{told:?}");
}
