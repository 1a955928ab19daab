#![allow(clippy::unwrap_used)]

use super::{NodeConfig, Settings, SettingsError};
use crate::node::settings::Origin;
use deriva_store::LogDamage;

fn config(key: &str, value: &str) -> Result<NodeConfig, SettingsError> {
    let mut settings = Settings::default();
    settings.set("data_dir", "data".to_owned(), Origin::Flag)?;
    settings.set(key, value.to_owned(), Origin::Flag)?;
    NodeConfig::try_from(&settings)
}

#[test]
fn a_damaged_log_is_cut_off_only_when_asked() {
    assert_eq!(
        config("node_name", "").unwrap().damaged_log,
        LogDamage::Refuse
    );
    assert_eq!(
        config("damaged_log", "refuse").unwrap().damaged_log,
        LogDamage::Refuse
    );
    assert_eq!(
        config("damaged_log", "cut_off").unwrap().damaged_log,
        LogDamage::CutOff
    );
    let refused = config("damaged_log", "ignore").unwrap_err().to_string();
    assert!(
        refused.contains("damaged_log is `ignore`") && refused.contains("cut_off"),
        "{refused}"
    );
}

#[test]
fn verification_is_one_of_its_forms() {
    for form in ["off", "dual", "sampled:0.01"] {
        let verification = config("verification", form).unwrap().verification;
        assert_eq!(verification.to_string(), form);
    }
    let refused = config("verification", "sometimes").unwrap_err().to_string();
    assert!(refused.contains("sampled:RATE"), "{refused}");
}
