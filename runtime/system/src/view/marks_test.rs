#![allow(clippy::unwrap_used)]

use super::*;
use deriva_model::CAddr;

fn caught(name: &str) -> Violation {
    Violation {
        function: FunctionId::new(name, "1"),
        recipe: CAddr::of_leaf(name.as_bytes()),
        first: None,
        second: Some(CAddr::of_leaf(b"x").as_content()),
    }
}

fn marks() -> (Arc<Invalidations>, Marks) {
    let invalidations = Arc::new(Invalidations::default());
    (invalidations.clone(), Marks::new(invalidations))
}

#[test]
fn a_marked_function_is_refused_until_its_mark_is_cleared() {
    let (_, marks) = marks();
    let violation = caught("f");
    assert_eq!(marks.refusal(&violation.function), None);
    marks.mark(violation.clone());
    let refused = Fault::Nondeterministic {
        violation: Box::new(violation.clone()),
    };
    assert_eq!(marks.refusal(&violation.function), Some(refused.clone()));
    assert_eq!(marks.refusal(&FunctionId::new("f", "2")), None);
    assert!(!marks.clear(&violation.function), "not while it is voided");
    marks.voided(&violation.function);
    assert_eq!(marks.refusal(&violation.function), Some(refused));
    assert!(marks.clear(&violation.function));
    assert!(!marks.clear(&violation.function));
    assert_eq!(marks.refusal(&violation.function), None);
}

#[test]
fn nothing_is_trusted_while_any_voiding_is_under_way() {
    let (invalidations, marks) = marks();
    marks.restore(caught("old"));
    assert!(!invalidations.is_voiding());
    let before = invalidations.number();
    marks.mark(caught("f"));
    marks.mark(caught("g"));
    marks.mark(caught("g"));
    let unfinished: Vec<_> = marks
        .unfinished()
        .into_iter()
        .map(|v| v.function.name)
        .collect();
    assert_eq!(unfinished, ["f", "g"]);
    assert!(invalidations.is_voiding());
    marks.voided(&caught("f").function);
    assert!(invalidations.is_voiding());
    marks.voided(&caught("g").function);
    assert!(!invalidations.is_voiding() && marks.unfinished().is_empty());
    assert!(
        invalidations.number() > before,
        "what began before is not recorded"
    );
    assert_eq!(marks.all().len(), 3);
}
