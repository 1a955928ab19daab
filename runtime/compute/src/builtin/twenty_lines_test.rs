//! A function in twenty lines, as `FUNCTIONS.md` shows it: that page quotes this file, and the test
//! below keeps it true.
#![allow(clippy::unwrap_used, clippy::expect_used)]

// begin
use super::card::{card, cost};
use super::flow::{Flow, LineWork, Outbox, Streamed, by_line};
use crate::budget::Budget;
use crate::function::{Arity, FunctionError};

pub(super) fn shout() -> Streamed {
    let what = "Gives every line of its input with an exclamation mark.";
    let spec = card("shout", what, Arity::exactly(&["lines"]), cost(300, 1_000));
    Streamed::new(spec, |inputs, _params| by_line(inputs, Shout))
}

struct Shout;

impl LineWork for Shout {
    #[rustfmt::skip]
    fn line(&mut self, line: &[u8], _ended: bool, out: &mut Outbox, budget: &mut Budget) -> Result<Flow, FunctionError> {
        out.push(line, budget)?;
        out.push(b"!\n", budget)?;
        Ok(Flow::More)
    }
}
// end

#[test]
fn it_is_a_whole_function() {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use bytes::Bytes;
    use deriva_model::{CAddr, FunctionId, Recipe};

    use super::vectors_test::budget;
    use crate::budget::BudgetLimits;
    use crate::registry::Registry;
    use crate::streaming::Whole;

    let mut registry = Registry::new();
    registry.register(Arc::new(shout())).unwrap();
    let inputs = vec![CAddr::from_bytes([7; 32])];
    let recipe = Recipe::new(FunctionId::new("shout", "1.0.0"), inputs, BTreeMap::new()).unwrap();
    let call = registry.prepare(&recipe).unwrap();
    let input = Bytes::from_static(b"a\nb");
    let batch = call.run(
        std::slice::from_ref(&input),
        &mut budget(BudgetLimits::default()),
    );
    assert_eq!(batch.unwrap(), "a!\nb!\n");
    let sources = vec![Whole::in_pieces_of(input, 1)];
    let mut stream = call
        .open_stream(sources, budget(BudgetLimits::streaming()))
        .unwrap();
    assert_eq!(stream.pull().unwrap().unwrap(), "a!\nb!\n");
    assert_eq!(stream.pull(), Ok(None));
}
