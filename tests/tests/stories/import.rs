//! A store from before DCF moves in: its leaves and its recipes, under the addresses that they had.

use deriva_client::{Client, Code, Collection, Consumers, Resolution};
use deriva_model::{CAddr, Value};
use deriva_tests::{
    Launch, NodeProcess, binary, eventually, fetch, noise,
    old::{Old, stream},
    recipe, refused,
};
use serde_json::{Value as Json, json};
use std::{path::Path, process::Stdio};
use tokio::process::{Child, Command};

const WORKED_OLD: &str = "2392c7bc6cbb71e31fd279925116293751bef6fd487810ad1253f91d52af5587";
const WORKED_NEW: &str = "182c6330b8747b7cae8edc0144732d193cd0837093153f9c46642b9c4da0316d";

/// Runs `deriva --output json import …`; answers the exit code and the report.
async fn import(node: &NodeProcess, arguments: &[&str], input: &[u8]) -> (i32, Json) {
    let arguments = [&["--output", "json", "import"], arguments].concat();
    let run = node.cli_fed(&arguments, input).await;
    let report = serde_json::from_slice(&run.stdout);
    (run.code, report.unwrap_or_else(|_| panic!("{run:?}")))
}

/// Starts an import and does not wait for it.
fn begin(node: &NodeProcess, source: &Path) -> Child {
    let mut command = Command::new(binary("deriva"));
    let command = command
        .env("DERIVA_SERVER", node.url())
        .args(["--output", "json", "import"])
        .arg(source)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command.spawn().unwrap()
}

async fn aliases(client: &Client) -> u64 {
    client.import_status().await.unwrap().alias_count
}

fn write(directory: &Path, bytes: &[u8]) {
    let name = CAddr::of_leaf(bytes).to_hex();
    std::fs::write(directory.join(name), bytes).unwrap();
}

/// A long chain, the last recipe first, over a leaf that is not in it.
fn chain(leaf: CAddr, length: i64) -> Vec<Old> {
    let mut last = leaf;
    let steps = (0..length).map(|number| {
        let function = if number % 2 == 0 {
            "identity"
        } else {
            "reverse"
        };
        let one = Old::new(function, &[last], &[]);
        last = one.addr();
        one
    });
    let mut all: Vec<Old> = steps.collect();
    all.reverse();
    all
}

#[tokio::test]
async fn an_old_store_moves_in_and_answers_under_both_addresses() {
    let node = Launch::new().start().await;
    let store = tempfile::tempdir().unwrap();
    let deep = store.path().join("deep");
    std::fs::create_dir(&deep).unwrap();
    let hello = CAddr::of_leaf(b"hello world\n");
    write(&deep, b"hello world\n");
    let large = noise(7, 3 << 20);
    write(store.path(), &large);
    let worked = Old::new("uppercase", &[hello], &[]);
    assert_eq!(worked.addr().to_hex(), WORKED_OLD);
    let params = [("count", Value::I64(2))];
    let twice = Old::new("repeat", &[worked.addr()], &params);
    for recipe in [&twice, &worked] {
        write(store.path(), recipe.bytes());
    }
    let directory = store.path().to_str().unwrap();
    let (code, report) = import(&node, &[directory], b"").await;
    let expected = json!({
        "recipes": { "imported": 2, "known": 0 }, "leaves": { "stored": 2, "known": 0 },
        "skipped": 0, "refused": [], "complete": false, "alias_count": 2,
    });
    assert_eq!((code, report), (0, expected));

    // Again: nothing is new, and the large leaf was not sent a second time.
    let (code, report) = import(&node, &[directory], b"").await;
    assert_eq!(code, 0);
    assert_eq!(report["recipes"], json!({ "imported": 0, "known": 2 }));
    assert_eq!(report["leaves"], json!({ "stored": 0, "known": 2 }));

    let client = node.client().await;
    let new: CAddr = CAddr::parse_hex(WORKED_NEW).unwrap();
    for addr in [worked.addr(), new] {
        assert_eq!(fetch(&client, &addr).await.unwrap(), "HELLO WORLD\n");
    }
    let value = fetch(&client, &twice.addr()).await.unwrap();
    assert_eq!(value, "HELLO WORLD\nHELLO WORLD\n");
    // Inputs are kept as they were: the old address, which leads on.
    let kept = recipe("repeat", &[worked.addr()], &params);
    let found = client.resolve(&kept.address()).await.unwrap();
    assert_eq!(found, Resolution::Recipe(kept.clone()));

    let shown = node.cli(&["resolve", WORKED_OLD]).await.line();
    assert!(
        shown.contains(&format!("of        {WORKED_NEW}")),
        "{shown}"
    );
    assert!(shown.contains("uppercase"), "{shown}");
    let shown = node.cli(&["resolve", WORKED_NEW]).await.line();
    assert!(
        shown.contains(&format!("old addr  {WORKED_OLD}")),
        "{shown}"
    );
    let shown = node
        .cli(&["--output", "json", "resolve", WORKED_OLD])
        .await
        .json();
    assert_eq!(
        (&shown["alias_of"], &shown["function"]),
        (&json!(WORKED_NEW), &json!("uppercase"))
    );
    let tree = node.cli(&["graph", &twice.addr().to_hex()]).await.line();
    assert!(
        tree.contains("uppercase") && tree.contains("repeat"),
        "{tree}"
    );

    // What an old recipe's bytes are put as is refused, by name.
    let leaf = client.put_leaf(worked.bytes().to_vec()).await;
    refused(leaf, Code::InvalidArgument, "LEAF_IS_RECIPE", &[WORKED_OLD]);
}

#[tokio::test]
async fn an_import_is_open_until_it_is_declared_complete() {
    let node = Launch::new().start().await;
    let leaf = node.client().await.put_leaf(&b"leaf"[..]).await.unwrap();
    let one = Old::new("uppercase", &[leaf], &[]);
    let (code, report) = import(&node, &["-"], one.bytes()).await;
    assert_eq!((code, &report["complete"]), (0, &json!(false)));
    let (_, state) = import(&node, &["--status"], b"").await;
    assert_eq!(state, json!({ "complete": false, "alias_count": 1 }));
    let (code, state) = import(&node, &["--complete"], b"").await;
    let complete = json!({ "complete": true, "alias_count": 1 });
    assert_eq!((code, &state), (0, &complete));
    let node = node.restart().await;
    assert_eq!(import(&node, &["--status"], b"").await.1, complete);
    let client = node.client().await;
    assert_eq!(fetch(&client, &one.addr()).await.unwrap(), "LEAF");
    // The same again adds nothing, another one does.
    assert_eq!(import(&node, &["-"], one.bytes()).await.1["complete"], true);
    let two = Old::new("reverse", &[one.addr()], &[]);
    let (_, report) = import(&node, &["-"], &stream(std::slice::from_ref(&two))).await;
    assert_eq!(
        (&report["complete"], &report["alias_count"]),
        (&json!(false), &json!(2))
    );
    assert_eq!(fetch(&client, &two.addr()).await.unwrap(), "FAEL");
    for wrong in [
        &["import"][..],
        &["import", "-", "--complete"],
        &["import", "--recipes-only"],
    ] {
        assert_eq!(node.cli(wrong).await.code, 2, "{wrong:?}");
    }
}

#[tokio::test]
async fn what_is_refused_is_listed_with_its_place_and_its_reason() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let leaf = client.put_leaf(&b"leaf"[..]).await.unwrap();
    let nowhere = CAddr::of_leaf(b"never put");
    let good = Old::new("uppercase", &[leaf], &[]);
    let orphan = Old::new("concat", &[leaf, nowhere], &[]);
    let child = Old::new("uppercase", &[orphan.addr()], &[]);
    let unknown = Old::new("no_such_function", &[leaf], &[]);
    let grown = Old::new("concat", &vec![leaf; 65_537], &[]);
    let records = [child, orphan.clone(), grown, unknown, good.clone()];
    let bytes = [&stream(&records)[..], &4_u64.to_le_bytes(), b"abc"].concat();
    let (code, report) = import(&node, &["-"], &bytes).await;
    assert_eq!((code, &report["recipes"]["imported"]), (1, &json!(1)));
    let refusals = report["refused"].as_array().unwrap();
    let told: Vec<(&str, &str)> = refusals
        .iter()
        .map(|one| (one["reason"].as_str().unwrap(), one["at"].as_str().unwrap()))
        .collect();
    let at = |number: usize| {
        let before: usize = records[..number - 1]
            .iter()
            .map(|one| one.bytes().len() + 8)
            .sum();
        // A recipe that was read is told by its own first byte, another by its record's.
        (before, before + 8)
    };
    let expected = [
        ("OVER_LIMIT", format!("record 3 at byte {}", at(3).0)),
        (
            "TRUNCATED",
            format!("record 6 at byte {}", bytes.len() - 11),
        ),
        ("MISSING_INPUTS", format!("record 2 at byte {}", at(2).1)),
        ("REFUSED_RECIPE", format!("record 4 at byte {}", at(4).1)),
        ("MISSING_INPUTS", format!("record 1 at byte {}", at(1).1)),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|(why, at)| (*why, at.as_str()))
        .collect();
    assert_eq!(told, expected, "{report:#}");
    assert_eq!(refusals[2]["missing"], json!([nowhere.to_hex()]));
    assert_eq!(refusals[2]["old_addr"], json!(orphan.addr().to_hex()));
    assert_eq!(fetch(&client, &good.addr()).await.unwrap(), "LEAF");
    assert_eq!(
        client.resolve(&orphan.addr()).await.unwrap(),
        Resolution::Unknown
    );

    // In a directory: a name that lies, a link, and the same report in a file.
    let store = tempfile::tempdir().unwrap();
    let directory = store.path().join("store");
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("0".repeat(64)), b"another").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", directory.join("link")).unwrap();
    std::fs::write(directory.join("recipe"), good.bytes()).unwrap();
    std::fs::write(directory.join("notes.txt"), b"no recipe").unwrap();
    let file = store.path().join("report");
    let arguments = [
        "import",
        directory.to_str().unwrap(),
        "--recipes-only",
        "--report",
        file.to_str().unwrap(),
    ];
    let run = node.cli(&arguments).await;
    assert_eq!((run.code, run.stderr.as_str()), (1, ""), "{run:?}");
    let counts = String::from_utf8(run.stdout).unwrap();
    assert!(
        counts.contains("recipes known     1") && counts.contains("skipped           1"),
        "{counts}"
    );
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(written.starts_with(&counts.trim_end()[..20]), "{written}");
    for words in ["NAME_MISMATCH", "NOT_A_FILE"] {
        assert!(
            written.contains(words) && !counts.contains(words),
            "{written}"
        );
    }
    assert_eq!(client.status().await.unwrap().blob_count, 1);
}

/// Enough that an import of it is caught half way.
const LONG: i64 = 30_000;

/// Begins an import and waits until some of it is stored.
async fn half_way(node: &NodeProcess, file: &Path) -> Child {
    let client = node.client().await;
    let child = begin(node, file);
    eventually("something was imported", async || {
        aliases(&client).await > 0
    })
    .await;
    child
}

#[tokio::test]
async fn an_import_that_was_killed_goes_on_when_it_is_run_again() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let leaf = client.put_leaf(&b"leaf"[..]).await.unwrap();
    let recipes = chain(leaf, LONG);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("recipes");
    std::fs::write(&file, stream(&recipes)).unwrap();

    // The command line is killed.
    let mut child = half_way(&node, &file).await;
    child.kill().await.unwrap();
    let kept = aliases(&client).await;
    assert!(kept > 0 && kept < LONG as u64, "{kept}");

    // The node is killed under the next one.
    let child = begin(&node, &file);
    eventually("it went on", async || aliases(&client).await > kept).await;
    let launch = node.kill9().await;
    let ended = child.wait_with_output().await.unwrap();
    let words = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!ended.status.success(), "{words}");
    assert!(
        words.contains("import") || words.contains("reach"),
        "{words}"
    );
    let node = launch.start().await;
    let client = node.client().await;
    let more = aliases(&client).await;
    assert!(more > kept && more < LONG as u64, "{kept} {more}");

    // The third runs to its end and tells of all of them.
    let (code, report) = import(&node, &[file.to_str().unwrap()], b"").await;
    assert_eq!(code, 0, "{report}");
    let (imported, known) = (&report["recipes"]["imported"], &report["recipes"]["known"]);
    let sum = imported.as_u64().unwrap() + known.as_u64().unwrap();
    assert_eq!((sum, &report["alias_count"]), (LONG as u64, &json!(LONG)));
    assert!(known.as_u64().unwrap() >= more, "{report}");
    assert_eq!(report["refused"], json!([]));
    assert_eq!(client.status().await.unwrap().recipe_count, LONG as u64);
    let value = fetch(&client, &recipes[0].addr()).await.unwrap();
    assert!(value == "leaf" || value == "fael", "{value:?}");
}

#[tokio::test]
async fn what_was_imported_is_forgotten_and_collected_like_everything_else() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let leaf = client.put_leaf(&b"leaf"[..]).await.unwrap();
    let low = Old::new("uppercase", &[leaf], &[]);
    let high = Old::new("reverse", &[low.addr()], &[]);
    let both = stream(&[high.clone(), low.clone()]);
    assert_eq!(import(&node, &["-"], &both).await.0, 0);
    assert_eq!(fetch(&client, &high.addr()).await.unwrap(), "FAEL");
    let in_use = client.forget(&low.addr(), Consumers::Refuse).await;
    refused(
        in_use,
        Code::FailedPrecondition,
        "IN_USE",
        &[&low.addr().to_hex()],
    );
    assert_eq!(
        client.forget(&low.addr(), Consumers::Forget).await.unwrap(),
        2
    );
    let now = Collection {
        grace_period_secs: Some(0),
        ..Collection::default()
    };
    let done = client.garbage_collect(now).await.unwrap();
    assert_eq!(
        (done.recipes_removed, done.blobs_removed),
        (2, 1),
        "{done:?}"
    );
    assert_eq!(aliases(&client).await, 0);
    for gone in [low.addr(), high.addr(), leaf] {
        refused(
            fetch(&client, &gone).await,
            Code::NotFound,
            "NOT_FOUND",
            &[],
        );
    }
    // What was collected is imported again, once its leaf is back.
    let (code, report) = import(&node, &["-"], &both).await;
    assert_eq!((code, report["refused"].as_array().unwrap().len()), (1, 2));
    assert_eq!(client.put_leaf(&b"leaf"[..]).await.unwrap(), leaf);
    assert_eq!(import(&node, &["-"], &both).await.0, 0);
    assert_eq!(fetch(&client, &high.addr()).await.unwrap(), "FAEL");
}
