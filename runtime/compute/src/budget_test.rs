#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::atomic::AtomicU64;

use super::*;

fn ticking(step: Duration) -> (Monotonic, Arc<AtomicU64>) {
    let looks = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&looks);
    let clock: Monotonic = Arc::new(move || {
        let look = counted.fetch_add(1, Ordering::Relaxed);
        step * u32::try_from(look).unwrap()
    });
    (clock, looks)
}

fn limits() -> BudgetLimits {
    BudgetLimits {
        output_bytes: 100,
        scratch_bytes: 200,
        steps: 1_000_000,
        wall: Duration::from_millis(10),
    }
}

#[test]
fn limits_are_inclusive_and_named() {
    let (clock, _) = ticking(Duration::ZERO);
    let mut budget = Budget::new(limits(), clock);
    budget.charge_output(100).unwrap();
    assert_eq!(budget.output_left(), 0);
    let over = budget.charge_output(1).unwrap_err();
    assert_eq!(over, exceeded(Resource::OutputBytes, 100));
    assert_eq!(
        over.to_string(),
        "the function went over its budget of 100 bytes of output; ask for a smaller result, or \
         raise the node's output limit"
    );
    budget.charge_scratch(200).unwrap();
    assert_eq!(
        budget.charge_scratch(u64::MAX).unwrap_err(),
        exceeded(Resource::ScratchBytes, 200)
    );
    budget.charge_steps(1_000_000).unwrap();
    assert_eq!(
        budget.charge_steps(1).unwrap_err(),
        exceeded(Resource::Steps, 1_000_000)
    );
}

#[test]
fn the_clock_is_read_every_ten_thousand_steps() {
    let (clock, looks) = ticking(Duration::ZERO);
    let mut budget = Budget::new(limits(), clock);
    for _ in 0..100_000 {
        budget.charge_steps(1).unwrap();
    }
    assert_eq!(looks.load(Ordering::Relaxed), 1 + 10);
}

#[test]
fn the_clock_is_read_every_64_kib() {
    let (clock, looks) = ticking(Duration::ZERO);
    let mut budget = Budget::new(limits(), clock);
    for _ in 0..64 {
        budget.charge_read(16 * 1024).unwrap();
    }
    assert_eq!(looks.load(Ordering::Relaxed), 1 + 16);
}

#[test]
fn a_late_call_stops_at_its_checkpoint() {
    let (clock, _) = ticking(Duration::from_millis(6));
    let mut budget = Budget::new(limits(), clock);
    budget.checkpoint().unwrap();
    let late = budget.checkpoint().unwrap_err();
    assert_eq!(late, exceeded(Resource::WallMillis, 10));
    assert!(late.is_transient());
}

#[test]
fn a_cancelled_call_stops_at_its_checkpoint() {
    let (clock, _) = ticking(Duration::ZERO);
    let flag = Arc::new(AtomicBool::new(false));
    let mut budget = Budget::new(limits(), clock).cancelled_by(Arc::clone(&flag));
    budget.charge_steps(CHECKPOINT_STEPS).unwrap();
    flag.store(true, Ordering::Relaxed);
    budget.charge_steps(1).unwrap();
    assert_eq!(
        budget.charge_steps(CHECKPOINT_STEPS).unwrap_err(),
        FunctionError::Cancelled
    );
}

#[test]
fn an_output_is_refused_before_it_is_allocated() {
    let (clock, _) = ticking(Duration::ZERO);
    let mut budget = Budget::new(limits(), clock);
    assert!(Output::with_room(u64::MAX, &budget).is_err());
    let mut output = Output::with_room(100, &budget).unwrap();
    output.push(&[7; 60], &mut budget).unwrap();
    assert!(output.push(&[7; 41], &mut budget).is_err());
    assert_eq!(output.finish(), Bytes::from(vec![7; 60]));
}

#[test]
fn inputs_over_64_mib_in_total_are_refused() {
    check_input_total(MAX_BATCH_INPUT_BYTES).unwrap();
    let refused = check_input_total(MAX_BATCH_INPUT_BYTES + 1).unwrap_err();
    assert!(refused.to_string().contains("67108865 bytes in total"));
    check_inputs(&[Bytes::from_static(b"a"), Bytes::new()]).unwrap();
}
