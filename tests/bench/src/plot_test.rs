#![allow(clippy::unwrap_used)]
use super::*;

fn curve(plot: Plot, name: &str, points: &[(f64, f64)]) -> Curve {
    Curve {
        plot,
        name: name.to_owned(),
        points: points.to_vec(),
    }
}

#[test]
fn a_plot_shows_its_own_curves_within_its_frame() {
    let curves = [
        curve(Plot::CostBySize, "a < b", &[(1000.0, 2e-6), (1e6, 3e-6)]),
        curve(Plot::Latency, "other", &[(0.5, 1e-6)]),
    ];
    let svg = svg(Plot::CostBySize, &curves).unwrap();
    assert!(svg.contains("a &lt; b") && !svg.contains("other"), "{svg}");
    for tick in [">1 k<", ">1 M<", ">1 µs<", ">10 µs<"] {
        assert!(svg.contains(tick), "{tick} in {svg}");
    }
    assert!(svg.contains("points=\"80.0,") && svg.contains(" 736.0,"));
}

#[test]
fn parts_of_all_stand_by_their_nines() {
    let curves = [curve(
        Plot::Latency,
        "get",
        &[(0.5, 1e-6), (0.999, 1e-3), (1.0, 2e-3)],
    )];
    let svg = svg(Plot::Latency, &curves).unwrap();
    for tick in [">0<", ">90 %<", ">99 %<", ">99.9 %<", ">1 ms<"] {
        assert!(svg.contains(tick), "{tick} in {svg}");
    }
    // No axis has a place for all of the calls.
    assert!(!svg.contains("inf") && !svg.contains("2.00 ms"), "{svg}");
}

#[test]
fn without_curves_there_is_no_plot() {
    assert_eq!(svg(Plot::Latency, &[]), None);
}
