//! temporary
use super::*;
fn timed<T>(what: &str, f: impl FnOnce() -> T) -> T {
    let c = SystemClock::default();
    use deriva_system::Clock;
    let b = c.monotonic();
    let r = f();
    println!("PERF {what}: {:?}", c.monotonic() - b);
    r
}
fn rss() -> String {
    let s = std::fs::read_to_string("/proc/self/status").unwrap();
    s.lines().filter(|l| l.starts_with("VmRSS") || l.starts_with("VmHWM")).collect::<Vec<_>>().join(" ")
}
#[test]
fn perf() {
    let only = std::env::var("PERF").unwrap_or_default();
    let workers: usize = std::env::var("WORKERS").ok().and_then(|w| w.parse().ok()).unwrap_or(2);
    let rig = rig(workers, vec![]);
    let root = match only.as_str() {
        "chain" => timed("build", || chain(&rig.sources, 1_000_000).0),
        "wide" => timed("build", || wide(&rig.sources, 65_536).0),
        "consumers" => {
            let leaf = rig.sources.leaf(b"x");
            let base = rig.sources.recipe("uppercase", &[leaf], &[]);
            let mids: Vec<CAddr> = (0..100_000).map(|n| rig.sources.recipe("repeat", &[base], &[("count", Value::I64(1)), ("n", Value::I64(n))])).collect();
            let _ = mids;
            let mids: Vec<CAddr> = (0..100_000).map(|n| { let l = rig.sources.leaf(format!("{n}").as_bytes()); rig.sources.recipe("concat", &[base, l], &[]) }).collect();
            let tops: Vec<CAddr> = mids.chunks(1000).map(|c| rig.sources.recipe("concat", c, &[])).collect();
            rig.sources.recipe("concat", &tops, &[])
        }
        _ => return,
    };
    println!("PERF before {}", rss());
    for mode in [Mode::Parallel, Mode::Sequential] {
        rig.sources.forget_values();
        timed(&format!("{only} {mode:?}"), || get(&rig.evaluator, root, mode).unwrap().0.len());
        println!("PERF after {}", rss());
    }
    rig.sources.forget_values();
    let (ticket, _a) = start(&rig.evaluator, root, Mode::Parallel);
    let c = SystemClock::default();
    use deriva_system::Clock;
    while c.monotonic() < Duration::from_millis(if only == "chain" { 6000 } else { 800 }) { std::thread::yield_now(); }
    timed("withdraw", || drop(ticket));
    let leaf = rig.sources.leaf(b"yy");
    timed("after withdraw", || value(&rig.evaluator, leaf));
}
