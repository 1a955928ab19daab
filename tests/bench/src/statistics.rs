//! Medians, quartiles and paired ratios. No means: one run that was disturbed must not move a figure.

/// The least, the middle and the greatest of some figures.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Spread {
    pub min: f64,
    pub median: f64,
    pub max: f64,
}

impl Spread {
    /// All of them zero when there are no figures.
    #[must_use]
    pub fn of(figures: &[f64]) -> Self {
        Self {
            min: quantile(figures, 0.0),
            median: median(figures),
            max: quantile(figures, 1.0),
        }
    }
}

/// The figure below which a part of all lies (0 to 1), on the line between the two nearest; 0 of none.
#[must_use]
pub fn quantile(figures: &[f64], part: f64) -> f64 {
    quantiles(figures, &[part])[0]
}

/// The same for several parts of the same figures.
#[must_use]
pub fn quantiles(figures: &[f64], parts: &[f64]) -> Vec<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return vec![0.0; parts.len()];
    };
    let figure = |part: &f64| {
        let at = part.clamp(0.0, 1.0) * last as f64;
        let below = sorted[at.floor() as usize];
        let above = sorted[at.ceil() as usize];
        below + (above - below) * at.fract()
    };
    parts.iter().map(figure).collect()
}

#[must_use]
pub fn median(figures: &[f64]) -> f64 {
    quantile(figures, 0.5)
}

/// From the first quartile to the third.
#[must_use]
pub fn interquartile_range(figures: &[f64]) -> f64 {
    quantile(figures, 0.75) - quantile(figures, 0.25)
}

/// Ours over the floor's, pair by pair.
#[must_use]
pub fn paired_ratios(ours: &[f64], floor: &[f64]) -> Vec<f64> {
    let pairs = ours.iter().zip(floor);
    pairs.map(|(ours, floor)| ours / floor).collect()
}

/// The interquartile range of paired ratios as a part of their median, above which nothing is said.
pub const SCATTER_MAX: f64 = 0.15;

/// The interquartile range of figures as a part of their median. What cannot be told is endless.
#[must_use]
pub fn scatter(figures: &[f64]) -> f64 {
    let part = interquartile_range(figures) / median(figures);
    if part.is_finite() {
        part
    } else {
        f64::INFINITY
    }
}

#[cfg(test)]
#[path = "statistics_test.rs"]
mod statistics_test;
