#![allow(clippy::unwrap_used)]

use super::*;
use deriva_messages::verify::Violation;

fn failed(recipe: CAddr, failure: Failure) -> Fault {
    Fault::FunctionFailed {
        recipe,
        function: FunctionId::new("f", "1"),
        failure,
        message: "no".to_owned(),
    }
}

fn differs(recipe: CAddr) -> Fault {
    let violation = Violation {
        function: FunctionId::new("f", "1"),
        recipe,
        first: None,
        second: Some(recipe.as_content()),
    };
    Fault::Nondeterministic {
        violation: Box::new(violation),
    }
}

#[test]
fn what_was_looked_at_is_answered_and_what_stood_in_the_way_is_an_error() {
    let (root, below) = (CAddr::of_leaf(b"root"), CAddr::of_leaf(b"below"));
    let made = judge(Ok((root.as_content(), 7)), root, Depth::Root).unwrap();
    assert!(made.deterministic && made.error.is_empty());
    assert_eq!((made.output_hash, made.output_size), (root.to_hex(), 7));
    let told = judge(Err(differs(root)), root, Depth::Root).unwrap();
    assert!(!told.deterministic && told.error.contains("not deterministic"));
    assert!(told.output_hash.is_empty());
    let twice = judge(Err(failed(root, Failure::Refused)), root, Depth::Root).unwrap();
    assert!(twice.deterministic && twice.error.contains("failed"));
    for fault in [
        differs(below),
        failed(below, Failure::Panicked),
        failed(root, Failure::TooSlow),
        Fault::Draining,
    ] {
        assert_eq!(judge(Err(fault.clone()), root, Depth::Root), Err(fault));
    }
    assert!(
        !judge(Err(differs(below)), root, Depth::Graph)
            .unwrap()
            .deterministic
    );
    let deep = judge(Err(failed(below, Failure::Panicked)), root, Depth::Graph);
    assert!(deep.unwrap().deterministic);
}
