//! The view's bound, and that what it drops is only out of memory.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::RecipeView;
use deriva_model::{FunctionId, Recipe, SealedRecipe, Value};
use std::{collections::BTreeMap, sync::Arc};

fn recipe(number: i64) -> Arc<SealedRecipe> {
    let params = BTreeMap::from([("n".to_owned(), Value::I64(number))]);
    let recipe = Recipe::new(FunctionId::new("f", "1"), Vec::new(), params).unwrap();
    Arc::new(SealedRecipe::seal(recipe))
}

#[test]
fn bytes_are_those_of_what_is_there() {
    let view = RecipeView::default();
    let (one, two) = (recipe(1), recipe(2));
    view.admit(one.clone(), u64::MAX);
    let single = view.bytes();
    assert!(single > one.bytes().len() as u64);
    view.admit(one.clone(), u64::MAX);
    assert_eq!(view.bytes(), single, "the same recipe counts once");
    view.admit(two.clone(), u64::MAX);
    assert_eq!(view.bytes(), 2 * single);
    assert_eq!(view.get(&two.address()), Some(two.clone()));
    view.remove(&one.address());
    view.remove(&one.address());
    assert_eq!(view.bytes(), single);
    assert!(!view.contains(&one.address()));
    view.remove(&two.address());
    assert_eq!(view.bytes(), 0);
}

#[test]
fn it_never_stays_over_its_budget() {
    let view = RecipeView::default();
    view.admit(recipe(0), u64::MAX);
    let budget = view.bytes() * 10;
    for number in 0..1000 {
        view.admit(recipe(number), budget);
        assert!(view.bytes() <= budget);
    }
    let there = (0..1000).filter(|number| view.contains(&recipe(*number).address()));
    // An eviction goes a little below the budget, not further.
    assert!((9..=10).contains(&there.count()));
    view.admit(recipe(1), 0);
    assert_eq!(view.bytes(), 0);
}

#[test]
fn many_writers_leave_the_right_sum() {
    let view = RecipeView::default();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let view = &view;
            scope.spawn(move || {
                for number in 0..2000 {
                    let recipe = recipe((number + writer * 500) % 1000);
                    view.admit(recipe.clone(), u64::MAX);
                    view.remove(&recipe.address());
                }
            });
        }
    });
    for number in 0..1000 {
        view.remove(&recipe(number).address());
    }
    assert_eq!(view.bytes(), 0);
}
