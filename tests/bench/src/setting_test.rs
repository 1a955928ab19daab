#![allow(clippy::unwrap_used)]
use super::*;
use std::cell::RefCell;

#[test]
fn pairs_are_taken_in_turns_and_the_first_is_thrown_away() {
    let setting = Setting::new(Size::Tiny, 3, PathBuf::new()).unwrap();
    let calls = RefCell::new(String::new());
    let call = |who: char| {
        calls.borrow_mut().push(who);
        let count = calls.borrow().matches(who).count();
        Ok(count as f64)
    };
    let pairs = setting.paired(|| call('o'), || call('f')).unwrap();
    assert_eq!(calls.into_inner(), "offooffo");
    assert_eq!(pairs.ours, [2.0, 3.0, 4.0]);
    assert_eq!(pairs.floor, pairs.ours);
}
