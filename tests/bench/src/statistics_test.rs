use super::*;

/// Figures, their quartiles, and the scatter.
const TABLE: [(&[f64], [f64; 5], f64); 6] = [
    (&[], [0.0; 5], f64::INFINITY),
    (&[7.0], [7.0; 5], 0.0),
    (&[3.0, 1.0], [1.0, 1.5, 2.0, 2.5, 3.0], 0.5),
    (
        &[5.0, 1.0, 4.0, 2.0, 3.0],
        [1.0, 2.0, 3.0, 4.0, 5.0],
        2.0 / 3.0,
    ),
    (
        &[10.0, 10.0, 10.0, 10.0, 90.0],
        [10.0, 10.0, 10.0, 10.0, 90.0],
        0.0,
    ),
    (&[0.0, 0.0, 0.0], [0.0; 5], f64::INFINITY),
];

#[test]
fn quartiles_and_scatter_come_out_as_by_hand() {
    for (figures, quartiles, expected) in TABLE {
        let parts = [0.0, 0.25, 0.5, 0.75, 1.0];
        let found = parts.map(|part| quantile(figures, part));
        assert_eq!(found, quartiles, "{figures:?}");
        let spread = Spread::of(figures);
        assert_eq!(
            [spread.min, spread.median, spread.max],
            [quartiles[0], quartiles[2], quartiles[4]]
        );
        let range = interquartile_range(figures);
        assert_eq!(range, quartiles[3] - quartiles[1], "{figures:?}");
        let off = (scatter(figures) - expected).abs();
        assert!(scatter(figures) == expected || off < 1e-12, "{figures:?}");
    }
}

#[test]
fn ratios_are_taken_pair_by_pair_and_not_of_the_medians() {
    let ratios = paired_ratios(&[2.0, 40.0, 6.0], &[1.0, 20.0, 3.0]);
    assert_eq!(ratios, [2.0, 2.0, 2.0]);
    assert_eq!(scatter(&ratios), 0.0, "both sides were slow together");
    assert_eq!(scatter(&[1.0, f64::NAN]), f64::INFINITY);
    assert_eq!(scatter(&paired_ratios(&[1.0], &[0.0])), f64::INFINITY);
}

#[test]
fn the_middle_half_decides_and_one_disturbed_run_does_not() {
    assert!(scatter(&[1.0, 1.01, 1.02, 1.03, 9.0]) < SCATTER_MAX);
    assert!(scatter(&[1.0, 1.0, 1.2, 1.3, 1.3]) > SCATTER_MAX);
}
