//! Bad input: recipes that cannot be made, and leaves that are recipes.

use deriva_client::{Client, Code, MissingInputs, Refusal, Resolution};
use deriva_model::{CAddr, FunctionId, Recipe, Value, encode_legacy};
use deriva_tests::{Launch, fetch, noise, recipe, refused, store, text};
use std::collections::BTreeMap;

async fn refuses(client: &Client, bad: &Recipe, words: &[&str]) -> Refusal {
    let answer = client.put_recipe(bad, MissingInputs::Allow).await;
    let refusal = refused(answer, Code::InvalidArgument, "REFUSED_RECIPE", words);
    let found = client.resolve(&bad.address()).await.unwrap();
    assert_eq!(found, Resolution::Unknown, "a refused recipe is not stored");
    refusal
}

#[tokio::test]
async fn unknown_functions_and_versions_are_named_with_their_like() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let leaf = client.put_leaf(&b"x"[..]).await.unwrap();
    refuses(
        &client,
        &recipe("upercase", &[leaf], &[]),
        &["upercase", "uppercase"],
    )
    .await;
    refuses(
        &client,
        &recipe("frobnicate", &[leaf], &[]),
        &["frobnicate"],
    )
    .await;
    let version = Recipe::new(
        FunctionId::new("uppercase", "9.9.9"),
        vec![leaf],
        BTreeMap::new(),
    );
    refuses(&client, &version.unwrap(), &["uppercase", "9.9.9", "1.0.0"]).await;
    let mut stub = crate::raw::stub(&node).await;
    for (name, version) in [("", "1.0.0"), ("uppercase", "")] {
        let request = deriva_client::proto::PutRecipeRequest {
            function_name: name.to_owned(),
            function_version: version.to_owned(),
            ..Default::default()
        };
        let answer = stub.put_recipe(request).await;
        let told = crate::raw::refused(answer, tonic::Code::InvalidArgument, "REFUSED_RECIPE");
        assert!(told.message.contains("empty"), "{told:?}");
    }
}

#[tokio::test]
async fn params_that_do_not_fit_are_named() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let leaf = client.put_leaf(&b"x"[..]).await.unwrap();
    let repeat = |params: &[(&str, Value)]| recipe("repeat", &[leaf], params);
    refuses(&client, &repeat(&[]), &["repeat", "count"]).await;
    let extra = [("count", Value::I64(1)), ("counts", Value::I64(1))];
    refuses(&client, &repeat(&extra), &["repeat", "counts"]).await;
    for bad in [
        Value::Bool(true),
        text("three"),
        text("03"),
        text(" 3"),
        text(""),
    ] {
        refuses(&client, &repeat(&[("count", bad)]), &["repeat", "count"]).await;
    }
    for bad in [
        Value::I64(-1),
        Value::I64(1_000_001),
        text("1000001"),
        Value::I64(i64::MIN),
    ] {
        refuses(
            &client,
            &repeat(&[("count", bad)]),
            &["repeat", "count", "1000000"],
        )
        .await;
    }
    let both = [("end", Value::I64(1)), ("length", Value::I64(1))];
    refuses(
        &client,
        &recipe("slice", &[leaf], &both),
        &["slice", "end", "length"],
    )
    .await;
    let order = [("order", text("sideways"))];
    refuses(
        &client,
        &recipe("sort_lines", &[leaf], &order),
        &["order", "sideways", "asc"],
    )
    .await;
    // A key in both maps has no one meaning.
    let mut stub = crate::raw::stub(&node).await;
    let kind = deriva_client::proto::typed_value::Kind::IntValue(2);
    let typed = deriva_client::proto::TypedValue { kind: Some(kind) };
    let request = deriva_client::proto::PutRecipeRequest {
        function_name: "repeat".to_owned(),
        function_version: "1.0.0".to_owned(),
        inputs: vec![leaf.as_bytes().to_vec().into()],
        params: [("count".to_owned(), "2".to_owned())].into(),
        typed_params: [("count".to_owned(), typed)].into(),
        ..Default::default()
    };
    let answer = stub.put_recipe(request).await;
    let told = crate::raw::refused(answer, tonic::Code::InvalidArgument, "REFUSED_RECIPE");
    assert!(told.message.contains("count"), "{told:?}");
}

#[tokio::test]
async fn the_number_of_inputs_must_fit() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let leaf = client.put_leaf(&b"x"[..]).await.unwrap();
    refuses(&client, &recipe("uppercase", &[], &[]), &["uppercase", "0"]).await;
    refuses(
        &client,
        &recipe("uppercase", &[leaf, leaf], &[]),
        &["uppercase", "2"],
    )
    .await;
    let none = store(&client, &recipe("concat", &[], &[])).await;
    assert_eq!(
        fetch(&client, &none).await.unwrap(),
        "",
        "of no inputs, the empty value"
    );
}

#[tokio::test]
async fn missing_inputs_are_refused_unless_allowed_and_then_named_by_a_get() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let leaf = client.put_leaf(&b"here"[..]).await.unwrap();
    let absent: Vec<CAddr> = (0..20).map(|n: u8| CAddr::of_leaf(&[n, n])).collect();
    let inputs: Vec<CAddr> = [&[leaf][..], &absent].concat();
    let needs = recipe("concat", &inputs, &[]);
    let first = absent[0].to_hex();
    let answer = client.put_recipe(&needs, MissingInputs::Refuse).await;
    let refusal = refused(answer, Code::NotFound, "MISSING_INPUTS", &[&first, "20"]);
    assert_eq!(refusal.addr, Some(needs.address()));
    assert_eq!(
        client.resolve(&needs.address()).await.unwrap(),
        Resolution::Unknown
    );

    let stored = client
        .put_recipe(&needs, MissingInputs::Allow)
        .await
        .unwrap();
    let above = store(&client, &recipe("sha256", &[stored], &[])).await;
    for addr in [stored, above] {
        let answer = fetch(&client, &addr).await;
        let refusal = refused(
            answer,
            Code::NotFound,
            "MISSING_INPUTS",
            &[&first, &stored.to_hex()],
        );
        assert_eq!(
            refusal.addr,
            Some(stored),
            "the one that lacks them is named"
        );
    }
    for n in 0..20_u8 {
        client.put_leaf(vec![n, n]).await.unwrap();
    }
    let mut whole = b"here".to_vec();
    whole.extend((0..20).flat_map(|n| [n, n]));
    assert_eq!(
        fetch(&client, &stored).await.unwrap(),
        whole,
        "put later, they are found"
    );
    assert_eq!(fetch(&client, &above).await.unwrap().len(), 64);
}

#[tokio::test]
async fn an_empty_leaf_is_a_leaf() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let empty = client.put_leaf(&b""[..]).await.unwrap();
    assert_eq!(empty, CAddr::of_leaf(b""));
    assert_eq!(
        client.put_leaf_stream(tokio::io::empty()).await.unwrap(),
        empty
    );
    assert_eq!(
        client.resolve(&empty).await.unwrap(),
        Resolution::Leaf { size: 0 }
    );
    assert_eq!(fetch(&client, &empty).await.unwrap(), "");
    let back = store(&client, &recipe("reverse", &[empty], &[])).await;
    assert_eq!(fetch(&client, &back).await.unwrap(), "");
    let node = node.restart().await;
    assert_eq!(fetch(&node.client().await, &empty).await.unwrap(), "");
}

#[tokio::test]
async fn a_leaf_that_is_a_recipe_is_refused_in_either_form_and_by_either_way() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let leaf = client.put_leaf(&b"x"[..]).await.unwrap();
    let small = recipe("repeat", &[leaf], &[("count", text("2"))]);
    // Longer than a chunk, and of a function that no node knows: it is a recipe all the same.
    let inputs: Vec<CAddr> = (0..50_000_u32)
        .map(|n| CAddr::of_leaf(&n.to_le_bytes()))
        .collect();
    let long = recipe("frobnicate", &inputs, &[]);
    for made in [small, long] {
        for bytes in [made.encode(), encode_legacy(&made).unwrap()] {
            let addr = CAddr::of_leaf(&bytes);
            for answer in [
                client.put_leaf(bytes.clone()).await,
                client.put_leaf_stream(&bytes[..]).await,
            ] {
                let reason = "LEAF_IS_RECIPE";
                let refusal = refused(answer, Code::InvalidArgument, reason, &[&addr.to_hex()]);
                assert_eq!(refusal.addr, Some(addr));
            }
            assert_eq!(client.resolve(&addr).await.unwrap(), Resolution::Unknown);
            // One byte more, and it is bytes like any other.
            let more = [&bytes[..], b"\0"].concat();
            let more = client.put_leaf(more).await.unwrap();
            assert!(matches!(
                client.resolve(&more).await.unwrap(),
                Resolution::Leaf { .. }
            ));
        }
    }
}

#[tokio::test]
async fn a_function_that_fails_is_named_with_its_recipe() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let noise = client.put_leaf(noise(3, 1000)).await.unwrap();
    let table = client.put_leaf(&b"a,b\n1,2\n3\n"[..]).await.unwrap();
    let by = |column: &str| {
        [
            ("column", text(column)),
            ("op", text("eq")),
            ("value", text("1")),
        ]
    };
    for (bad, words) in [
        (
            recipe("uppercase", &[noise], &[]),
            ["uppercase@1.0.0", "UTF-8"],
        ),
        (
            recipe("csv_filter", &[table], &by("a")),
            ["csv_filter@1.0.0", "line 3"],
        ),
        (
            recipe("csv_filter", &[table], &by("c")),
            ["csv_filter@1.0.0", "c"],
        ),
    ] {
        let addr = store(&client, &bad).await;
        let above = store(&client, &recipe("sha256", &[addr], &[])).await;
        for asked in [addr, above] {
            let hex = addr.to_hex();
            let words = [words[0], words[1], &hex];
            let answer = fetch(&client, &asked).await;
            let refusal = refused(answer, Code::FailedPrecondition, "FUNCTION_FAILED", &words);
            assert_eq!(refusal.addr, Some(addr));
        }
    }
    assert_eq!(
        client.status().await.unwrap().cache_entries,
        0,
        "no failure is kept"
    );
}
