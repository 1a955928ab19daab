#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::param;
use deriva_system::compute::ParamDescription;

#[test]
fn a_param_is_required_only_where_its_function_says_so() {
    for (required, default) in [(true, None), (false, None), (false, Some("1".to_owned()))] {
        let told = param(ParamDescription {
            name: "count".to_owned(),
            kind: "whole number".to_owned(),
            required,
            default: default.clone(),
            description: "How often.".to_owned(),
        });
        assert_eq!(told.required, required);
        assert_eq!(told.default, default.unwrap_or_default());
    }
}
