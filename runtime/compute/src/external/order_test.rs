#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::budget::{BudgetLimits, Resource};

fn budget(limits: BudgetLimits) -> Budget {
    Budget::new(limits, Arc::new(|| Duration::ZERO))
}

proptest! {
    #[test]
    fn it_sorts_as_the_standard_stable_sort_does(keys in proptest::collection::vec(0u8..9, 0..200)) {
        let items: Vec<(u8, usize)> = keys.into_iter().zip(0..).collect();
        let mut expected = items.clone();
        expected.sort_by_key(|item| item.0);
        let mut budget = budget(BudgetLimits::default());
        let sorted = sort(items, &mut budget, |a, b| (a.0.cmp(&b.0), 1)).unwrap();
        prop_assert_eq!(sorted, expected);
    }
}

#[test]
fn it_stops_when_the_budget_does() {
    let items: Vec<u64> = (0..10_000).rev().collect();
    let few_steps = BudgetLimits {
        steps: 5_000,
        ..BudgetLimits::default()
    };
    let error = sort(items.clone(), &mut budget(few_steps), |a, b| (a.cmp(b), 0)).unwrap_err();
    assert!(matches!(
        error,
        FunctionError::BudgetExceeded {
            what: Resource::Steps,
            ..
        }
    ));
    let no_room = BudgetLimits {
        scratch_bytes: 79_999,
        ..BudgetLimits::default()
    };
    let error = sort(items, &mut budget(no_room), |a, b| (a.cmp(b), 0)).unwrap_err();
    assert!(matches!(
        error,
        FunctionError::BudgetExceeded {
            what: Resource::ScratchBytes,
            ..
        }
    ));
}
