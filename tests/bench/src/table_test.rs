use super::*;

#[test]
fn amounts_are_read_at_a_glance() {
    let rate = Unit::PerSecond("nodes");
    let table = [
        (0.000_000_85, Unit::Seconds, "850 ns"),
        (0.000_001, Unit::Seconds, "1.00 µs"),
        (0.25, Unit::Seconds, "250 ms"),
        (12.34, Unit::Seconds, "12.3 s"),
        (0.0, Unit::Seconds, "0.00 ns"),
        (512_345.0, rate, "512 knodes/s"),
        (1_500_000.0, rate, "1.50 Mnodes/s"),
        (300.0, Unit::Bytes, "300 B"),
        (268_435_456.0, Unit::Bytes, "256 MiB"),
        (0.85, Unit::Times, "0.85"),
    ];
    for (figure, unit, text) in table {
        assert_eq!(amount(figure, unit), text);
    }
}
