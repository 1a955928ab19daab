//! Old recipes at the entrance: what is judged here, what each is answered, and how many go together.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::grpc::test_node::{Served, TestNode};
use bytes::Bytes;
use deriva_messages::Fault;
use deriva_model::{
    CAddr, Epoch, FunctionId, Recipe, SealedRecipe, Value, encode_legacy, legacy_address, limits,
};
use deriva_proto::{
    CompleteImportRequest, ImportOutcome, ImportRecipesRequest, ImportRecipesResponse,
    ImportStatusRequest, ImportStatusResponse, PutLeafRequest, ResolveRequest,
};
use deriva_system::storage::{Batch, Durability, Space, Storage, layout};
use std::collections::BTreeMap;
use tonic::{Code, Status};

fn recipe(name: &str, number: i64) -> Recipe {
    let params = BTreeMap::from([("n".to_owned(), Value::I64(number))]);
    Recipe::new(FunctionId::new(name, "1.0.0"), vec![], params).unwrap()
}

fn old(recipe: &Recipe) -> Bytes {
    encode_legacy(recipe).unwrap().into()
}

async fn import(
    served: &mut Served,
    recipes: Vec<Bytes>,
) -> (Vec<ImportRecipesResponse>, Option<Status>) {
    let messages = recipes
        .into_iter()
        .map(|recipe| ImportRecipesRequest { recipe });
    let stream = tokio_stream::iter(messages.collect::<Vec<_>>());
    let answers = served.client.import_recipes(stream).await;
    let mut answers = answers.unwrap().into_inner();
    let mut told = Vec::new();
    loop {
        match answers.message().await {
            Ok(Some(answer)) => told.push(answer),
            Ok(None) => return (told, None),
            Err(status) => return (told, Some(status)),
        }
    }
}

fn outcomes(told: &[ImportRecipesResponse]) -> Vec<(ImportOutcome, &str)> {
    let each = told.iter().map(|one| (one.outcome(), one.reason.as_str()));
    each.collect()
}

#[tokio::test]
async fn each_is_answered_in_its_place_with_both_addresses() {
    let node = TestNode::start().await;
    let mut served = node.serve().await;
    let (good, missing) = (recipe("identity", 1), recipe("identity", 2));
    node.script.refused.lock().push(missing.address());
    let wide = [
        &[1, 0, 0, 0, 0, 0, 0, 0, b'f'][..],
        &[1, 0, 0, 0, 0, 0, 0, 0, b'1'],
    ]
    .concat();
    let wide = [
        wide,
        65_537_u64.to_le_bytes().to_vec(),
        vec![0; 32 * 65_537 + 8],
    ]
    .concat();
    let sent = vec![
        Bytes::from_static(b"no recipe at all"),
        old(&good),
        old(&recipe("nope", 1)),
        old(&missing),
        wide.into(),
        old(&good),
        Bytes::new(),
    ];
    let (told, end) = import(&mut served, sent.clone()).await;
    assert!(end.is_none(), "{end:?}");
    let expected = [
        (ImportOutcome::Refused, "MALFORMED"),
        (ImportOutcome::New, ""),
        (ImportOutcome::Refused, "REFUSED_RECIPE"),
        (ImportOutcome::Refused, "MISSING_INPUTS"),
        (ImportOutcome::Refused, "OVER_LIMIT"),
        (ImportOutcome::Known, ""),
        (ImportOutcome::Refused, "MALFORMED"),
    ];
    assert_eq!(outcomes(&told), expected);
    for (one, bytes) in told.iter().zip(&sent) {
        assert_eq!(one.old_addr, CAddr::of_leaf(bytes).as_bytes()[..]);
        let refused = one.outcome() == ImportOutcome::Refused;
        assert_eq!(refused, !one.message.is_empty(), "{one:?}");
    }
    let address = good.address();
    assert_eq!(told[1].addr, address.as_bytes()[..]);
    assert_eq!(
        told[1].old_addr,
        legacy_address(&good).unwrap().as_bytes()[..]
    );
    assert_eq!(told[3].missing.len(), 16);
    assert_eq!((told[3].missing_count, told[1].missing_count), (20, 0));
    assert!(told[4].message.contains("65537"), "{}", told[4].message);
    assert!(told[0].addr.is_empty() && told[2].addr.is_empty());
}

#[tokio::test]
async fn a_long_stream_goes_in_bounded_batches_and_in_order() {
    let node = TestNode::start().await;
    let mut served = node.serve().await;
    let recipes: Vec<Recipe> = (0..1_000)
        .map(|number| recipe("identity", number))
        .collect();
    let (told, end) = import(&mut served, recipes.iter().map(old).collect()).await;
    assert!(end.is_none(), "{end:?}");
    for (one, recipe) in told.iter().zip(&recipes) {
        assert_eq!(one.addr, recipe.address().as_bytes()[..]);
        assert_eq!(one.outcome(), ImportOutcome::New);
    }
    let puts = node.script.puts.lock().clone();
    assert_eq!(puts.iter().sum::<usize>(), 1_000);
    assert!(
        puts.len() < 500 && puts.iter().all(|batch| *batch <= 256),
        "{puts:?}"
    );
}

#[tokio::test]
async fn a_message_over_the_bound_ends_the_stream_after_the_answers_before_it() {
    let node = TestNode::start().await;
    let mut served = node.serve().await;
    let limit = node.context.node.limits.message_bytes;
    assert!(limit > limits::LEGACY_BYTES, "any lawful recipe fits");
    let sent = vec![old(&recipe("identity", 1)), vec![0; limit + 1].into()];
    let (told, end) = import(&mut served, sent).await;
    assert_eq!(outcomes(&told), [(ImportOutcome::New, "")]);
    assert_eq!(end.unwrap().code(), Code::ResourceExhausted);
}

#[tokio::test]
async fn the_state_of_the_import_is_told() {
    let node = TestNode::start().await;
    let mut served = node.serve().await;
    let status = served.client.import_status(ImportStatusRequest {}).await;
    let open = ImportStatusResponse::default();
    assert_eq!(status.unwrap().into_inner(), open);
    let done = served
        .client
        .complete_import(CompleteImportRequest {})
        .await;
    assert_eq!(done.unwrap().into_inner().alias_count, 5);
    let mut batch = Batch::default();
    let declared = layout::META_IMPORT.to_vec();
    batch.put(Space::Meta, declared, layout::number(1));
    node.storage.write(&batch, Durability::Synced).unwrap();
    let status = served.client.import_status(ImportStatusRequest {}).await;
    assert!(status.unwrap().into_inner().complete);
}

#[tokio::test]
async fn resolve_tells_both_addresses_either_way() {
    let node = TestNode::start().await;
    let mut served = node.serve().await;
    let sealed = SealedRecipe::seal(recipe("identity", 1));
    let (address, old) = (sealed.address(), legacy_address(sealed.recipe()).unwrap());
    let raw = |address: CAddr| Bytes::copy_from_slice(address.as_bytes());
    let mut ask = async |address: CAddr| {
        let addr = raw(address);
        let answer = served.client.resolve(ResolveRequest { addr }).await;
        answer.unwrap().into_inner()
    };
    let mut batch = Batch::default();
    let stored = layout::stamped(Epoch::new(1), sealed.bytes());
    batch.put(Space::Recipes, layout::address_key(&address), stored);
    node.storage.write(&batch, Durability::Synced).unwrap();
    let alone = ask(address).await;
    assert!(alone.kind == "recipe" && alone.old_addr.is_empty());
    assert!(!ask(old).await.found);

    let mut batch = Batch::default();
    let alias = layout::alias_value(Epoch::new(1), &address);
    batch.put(Space::Aliases, layout::address_key(&old), alias);
    node.storage.write(&batch, Durability::Synced).unwrap();
    let by_new = ask(address).await;
    assert_eq!(
        (by_new.kind.as_str(), &by_new.old_addr),
        ("recipe", &raw(old))
    );
    let by_old = ask(old).await;
    assert_eq!(by_old.kind, "alias");
    assert_eq!((by_old.alias_of, by_old.old_addr), (raw(address), raw(old)));
    // A client from before knows no aliases: it finds the recipe as it always did.
    assert!(by_old.found && by_old.function_name == "identity");
    assert_eq!(
        (by_old.inputs, by_old.params),
        (by_new.inputs, by_new.params)
    );
}

#[tokio::test]
async fn an_old_recipe_is_no_leaf() {
    let node = TestNode::start().await;
    let mut served = node.serve().await;
    let data = old(&recipe("identity", 1));
    let refused = served
        .client
        .put_leaf(PutLeafRequest { data: data.clone() })
        .await;
    let status = refused.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let fault = Fault::LeafIsRecipe {
        address: CAddr::of_leaf(&data),
    };
    assert_eq!(status.message(), fault.to_string());
    let leaf = async |served: &mut Served| {
        let data = Bytes::from_static(b"a leaf");
        let put = served.client.put_leaf(PutLeafRequest { data }).await;
        put.unwrap().into_inner().was_new
    };
    assert!(leaf(&mut served).await);
    assert!(!leaf(&mut served).await);
}
