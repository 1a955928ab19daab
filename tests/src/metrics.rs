//! The metrics page, read into numbers.

use std::collections::BTreeMap;

/// One look at a node's metrics.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    samples: Vec<Sample>,
}

#[derive(Clone, Debug)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Metrics {
    /// Reads Prometheus' text format; a line that is none fails the test.
    #[must_use]
    pub fn parse(page: &str) -> Self {
        let lines = page
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let samples = lines.map(|line| sample(line).unwrap_or_else(|| panic!("no sample: {line}")));
        Self {
            samples: samples.collect(),
        }
    }

    /// The sum of a metric over all samples that carry these labels; 0 when there are none.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let carries = |sample: &&Sample| {
            let has = |(key, value): &(&str, &str)| {
                sample.labels.get(*key).is_some_and(|there| there == value)
            };
            sample.name == name && labels.iter().all(has)
        };
        self.samples
            .iter()
            .filter(carries)
            .map(|sample| sample.value)
            .sum()
    }

    /// Whether there is any sample of that name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.samples.iter().any(|sample| sample.name == name)
    }

    /// Every label's name and value.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        let labels = self.samples.iter().flat_map(|sample| &sample.labels);
        labels.map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

fn sample(line: &str) -> Option<Sample> {
    let (head, value) = line.rsplit_once(' ')?;
    let value = value.parse().ok()?;
    let Some((name, labels)) = head.split_once('{') else {
        return Some(Sample {
            name: head.to_owned(),
            labels: BTreeMap::new(),
            value,
        });
    };
    let mut rest = labels.strip_suffix('}')?;
    let mut labels = BTreeMap::new();
    while !rest.is_empty() {
        let (key, after) = rest.split_once("=\"")?;
        let (text, after) = after.split_once('"')?;
        labels.insert(key.to_owned(), text.to_owned());
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    Some(Sample {
        name: name.to_owned(),
        labels,
        value,
    })
}

#[cfg(test)]
mod metrics_test {
    use super::*;

    #[test]
    fn a_page_is_read() {
        let page = "# TYPE a counter\na 1\nb{x=\"1\",y=\"two\"} 2.5\nb{x=\"2\"} 4\n";
        let metrics = Metrics::parse(page);
        assert_eq!(metrics.sum("a", &[]), 1.0);
        assert_eq!(metrics.sum("b", &[]), 6.5);
        assert_eq!(metrics.sum("b", &[("y", "two")]), 2.5);
        assert_eq!(metrics.sum("b", &[("y", "three")]), 0.0);
        assert!(metrics.has("b") && !metrics.has("c"));
        assert_eq!(metrics.labels().count(), 3);
    }
}
