#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::HashMap;
use std::convert::Infallible;

use super::*;

#[derive(Default)]
struct Graph(HashMap<CAddr, Vec<CAddr>>);

impl Inputs for Graph {
    type Error = Infallible;

    fn inputs(&self, node: &CAddr) -> Result<Option<Vec<CAddr>>, Infallible> {
        Ok(self.0.get(node).cloned())
    }
}

fn node(number: u64) -> CAddr {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    CAddr::from_bytes(bytes)
}

fn nodes(numbers: &[u64]) -> Vec<CAddr> {
    numbers.iter().copied().map(node).collect()
}

fn graph(edges: &[(u64, &[u64])]) -> Graph {
    Graph(
        edges
            .iter()
            .map(|(from, to)| (node(*from), nodes(to)))
            .collect(),
    )
}

const DIAMOND: &[(u64, &[u64])] = &[(1, &[3, 2]), (2, &[4]), (3, &[4]), (4, &[5, 5])];

#[test]
fn inputs_come_before_consumers_in_recipe_order() {
    let order = topological_order(&graph(DIAMOND), node(1), 100);
    assert_eq!(order, Ok(nodes(&[5, 4, 3, 2, 1])));
    assert_eq!(topological_order(&graph(&[]), node(9), 1), Ok(nodes(&[9])));
}

#[test]
fn depth_is_the_longest_chain_of_recipes() {
    let table: [(u64, u64); 5] = [(5, 0), (4, 1), (3, 2), (2, 2), (1, 3)];
    for (root, expected) in table {
        assert_eq!(depth(&graph(DIAMOND), node(root), 100), Ok(expected));
    }
    let lopsided = graph(&[(1, &[9, 2]), (2, &[3, 9]), (3, &[])]);
    assert_eq!(depth(&lopsided, node(1), 100), Ok(3));
}

#[test]
fn reach_minds_no_cycle_and_order_does() {
    let ring = graph(&[(1, &[2]), (2, &[3]), (3, &[1])]);
    assert_eq!(reach(&ring, node(2), 3).unwrap().len(), 3);
    assert_eq!(
        topological_order(&ring, node(2), 3),
        Err(GraphError::Cycle { node: node(2) })
    );
    assert!(matches!(
        depth(&ring, node(1), 3),
        Err(GraphError::Cycle { .. })
    ));
}

#[test]
fn an_edge_that_would_close_a_cycle_is_told() {
    let graph = graph(DIAMOND);
    let table = [
        (5, 1, true),
        (4, 1, true),
        (4, 4, true),
        (1, 5, false),
        (2, 3, false),
        (3, 2, false),
    ];
    for (from, to, expected) in table {
        assert_eq!(
            would_cycle(&graph, node(from), node(to), 100),
            Ok(expected),
            "{from} {to}"
        );
    }
}

#[test]
fn the_number_of_nodes_is_limited() {
    let graph = graph(DIAMOND);
    let refusal = Err(GraphError::TooManyNodes { limit: 4 });
    assert_eq!(topological_order(&graph, node(1), 5).unwrap().len(), 5);
    assert_eq!(topological_order(&graph, node(1), 4), refusal);
    assert_eq!(reach(&graph, node(1), 5).unwrap().len(), 5);
    assert!(matches!(
        reach(&graph, node(1), 4),
        Err(GraphError::TooManyNodes { limit: 4 })
    ));
    assert!(matches!(
        depth(&graph, node(1), 0),
        Err(GraphError::TooManyNodes { limit: 0 })
    ));
    assert!(matches!(
        would_cycle(&graph, node(9), node(1), 4),
        Err(GraphError::TooManyNodes { .. })
    ));
}

#[test]
fn a_failed_look_up_is_told() {
    struct Broken;
    impl Inputs for Broken {
        type Error = &'static str;

        fn inputs(&self, _: &CAddr) -> Result<Option<Vec<CAddr>>, &'static str> {
            Err("no disk")
        }
    }
    assert_eq!(
        topological_order(&Broken, node(1), 9),
        Err(GraphError::Lookup("no disk"))
    );
    assert_eq!(
        would_cycle(&Broken, node(1), node(2), 9),
        Err(GraphError::Lookup("no disk"))
    );
}

/// A chain of a million on a stack of 128 KiB: a recursive walk dies here.
#[test]
fn a_long_chain_does_not_touch_the_stack() {
    const LENGTH: u64 = 1_000_000;
    struct Chain;
    impl Inputs for Chain {
        type Error = Infallible;

        fn inputs(&self, at: &CAddr) -> Result<Option<Vec<CAddr>>, Infallible> {
            let number = u64::from_be_bytes(*at.as_bytes().first_chunk().unwrap());
            Ok((number > 0).then(|| vec![node(number - 1)]))
        }
    }
    let walk = || {
        let limit = LENGTH as usize + 1;
        let order = topological_order(&Chain, node(LENGTH), limit).unwrap();
        assert_eq!((order.len(), order[0]), (limit, node(0)));
        assert_eq!(depth(&Chain, node(LENGTH), limit), Ok(LENGTH));
        assert_eq!(reach(&Chain, node(LENGTH), limit).unwrap().len(), limit);
        assert_eq!(would_cycle(&Chain, node(0), node(LENGTH), limit), Ok(true));
    };
    let thread = std::thread::Builder::new()
        .stack_size(128 * 1024)
        .spawn(walk);
    thread.unwrap().join().unwrap();
}

#[test]
fn numbers_are_ordered_behind_what_they_need() {
    type Table = (&'static [&'static [u32]], &'static [usize]);
    let table: [Table; 7] = [
        (&[], &[]),
        (&[&[], &[], &[]], &[0, 1, 2]),
        (&[&[1], &[2], &[]], &[2, 1, 0]),
        (&[&[1, 1, 2], &[], &[1]], &[1, 2, 0]),
        // What needs itself comes last, with all that needs it.
        (&[&[0], &[], &[0]], &[1, 0, 2]),
        (&[&[1], &[0], &[]], &[2, 0, 1]),
        (&[&[9, u32::MAX], &[0]], &[0, 1]),
    ];
    for (needs, expected) in table {
        let order = dependency_order(needs.len(), |number| needs[number]);
        assert_eq!(order, expected, "{needs:?}");
    }
}

#[test]
fn a_long_chain_backwards_is_ordered_without_recursion() {
    const LONG: u32 = 200_000;
    let needs: Vec<Vec<u32>> = (1..=LONG).map(|next| vec![next]).collect();
    let order = dependency_order(needs.len(), |number| &needs[number]);
    assert_eq!(order, (0..LONG as usize).rev().collect::<Vec<_>>());
}
