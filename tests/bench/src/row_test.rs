use super::*;

fn row(ours: &[f64], floor: &[f64], targets: &[Target]) -> Row {
    Row {
        figure: "a thing".to_owned(),
        floor: "its floor".to_owned(),
        includes: "all of it".to_owned(),
        unit: Unit::Seconds,
        pairs: Pairs {
            ours: ours.to_vec(),
            floor: floor.to_vec(),
        },
        targets: targets.to_vec(),
        value_bytes: 8,
        workers: 2,
        notes: Vec::new(),
    }
}

#[test]
fn a_verdict_is_by_the_medians_and_needs_every_target() {
    use Target::{AtLeast, AtMost, RatioAtLeast, RatioAtMost};
    let table: [(&[Target], Verdict); 8] = [
        (&[AtMost(4.0)], Verdict::Met),
        (&[AtMost(3.9)], Verdict::Missed),
        (&[AtLeast(4.0)], Verdict::Met),
        (&[AtLeast(4.1)], Verdict::Missed),
        (&[RatioAtMost(2.0)], Verdict::Met),
        (&[RatioAtLeast(2.1)], Verdict::Missed),
        (&[AtMost(4.0), RatioAtMost(1.9)], Verdict::Missed),
        (&[], Verdict::Told),
    ];
    for (targets, verdict) in table {
        let row = row(&[4.0, 4.0, 40.0], &[2.0, 2.0, 2.0], targets);
        // One run in three is far off, so the middle half reaches to it.
        assert_eq!(row.verdict(), Verdict::Invalid);
        let row = self::row(&[4.0, 4.0, 4.0, 4.0, 40.0], &[2.0; 5], targets);
        assert_eq!(row.verdict(), verdict, "{targets:?}");
    }
}
