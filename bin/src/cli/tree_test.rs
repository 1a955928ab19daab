#![allow(clippy::unwrap_used, clippy::expect_used)]

use deriva_client::Explained;
use deriva_model::{CAddr, FunctionId};

use super::{LEVELS_MOST, LINES_MOST, render};

fn addr(n: u32) -> CAddr {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    CAddr::from_bytes(bytes)
}

fn node(n: u32, inputs: &[u32]) -> Explained {
    Explained {
        addr: addr(n),
        kind: if inputs.is_empty() { "leaf" } else { "recipe" }.to_owned(),
        function: (!inputs.is_empty()).then(|| FunctionId::new("f", "1")),
        inputs: inputs.iter().map(|n| addr(*n)).collect(),
        params: [("p".to_owned(), "v".to_owned())]
            .into_iter()
            .take(inputs.len().min(1))
            .collect(),
        cached: false,
        record: None,
    }
}

#[test]
fn a_diamond_is_drawn_with_its_shared_node_once() {
    let nodes = [
        node(1, &[]),
        node(2, &[1]),
        node(3, &[2, 1]),
        node(4, &[2]),
        node(5, &[3, 4]),
    ];
    let expected = "\
000000050000  f 1 p=\"v\"
  000000030000  f 1 p=\"v\"
    000000020000  f 1 p=\"v\"
      000000010000  leaf
    000000010000  leaf
  000000040000  f 1 p=\"v\"
    000000020000  f 1 p=\"v\"  (drawn above)";
    assert_eq!(render(&addr(5), &nodes), expected);
}

#[test]
fn what_the_server_did_not_show_is_said_so() {
    assert_eq!(
        render(&addr(1), &[]),
        "000000010000  not shown by the server"
    );
}

#[test]
fn a_long_chain_ends_in_a_line_that_says_so() {
    let mut nodes = (1..100_000).map(|n| node(n + 1, &[n])).collect::<Vec<_>>();
    nodes.push(node(1, &[]));
    let drawn = render(&addr(100_000), &nodes);
    assert_eq!(drawn.lines().count(), LEVELS_MOST + 1);
    assert!(drawn.lines().last().unwrap().contains("--query order"));
}

#[test]
fn a_wide_graph_ends_in_a_line_that_says_so() {
    let inputs = (1..=20_000).collect::<Vec<_>>();
    let mut nodes = inputs.iter().map(|n| node(*n, &[])).collect::<Vec<_>>();
    nodes.push(node(30_000, &inputs));
    let drawn = render(&addr(30_000), &nodes);
    assert_eq!(drawn.lines().count(), LINES_MOST + 1);
    assert!(drawn.lines().last().unwrap().contains("--query order"));
}
