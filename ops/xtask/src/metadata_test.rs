#![allow(clippy::unwrap_used)]
use super::*;

const METADATA: &str = r#"{
  "workspace_root": "/w",
  "packages": [
    {"name": "deriva-store", "manifest_path": "/w/runtime/store/Cargo.toml",
     "dependencies": [
       {"name": "rocksdb", "kind": null}, {"name": "cc", "kind": "build"}, {"name": "tempfile", "kind": "dev"}]}
  ]
}"#;

#[test]
fn members_come_with_their_folder_and_the_kind_of_each_dependency() {
    let members = members(METADATA).unwrap();
    assert_eq!(members.len(), 1);
    assert_eq!(members[0].folder, "runtime/store");
    let kinds: Vec<Kind> = members[0].names.iter().map(|named| named.kind).collect();
    assert_eq!(kinds, [Kind::Normal, Kind::Build, Kind::Dev]);
}

#[test]
fn an_answer_that_is_not_metadata_and_a_member_elsewhere_are_refused() {
    assert!(members("{}").is_err());
    let elsewhere = METADATA.replace("\"/w/runtime", "\"/v/runtime");
    assert!(members(&elsewhere).unwrap_err().contains("outside"));
}

#[test]
fn packages_are_read_once_each_whatever_remarks_follow() {
    let tree = "deriva-store v0.1.0 (/w/runtime/store)\nrocksdb v0.25.0\nserde v1.0.229\n\
                serde_derive v1.0.229 (proc-macro)\nserde v1.0.229 (*)\n\nserde feature \"std\"\n";
    let names: Vec<String> = packages(tree)
        .into_iter()
        .map(|package| package.name)
        .collect();
    assert_eq!(names, ["deriva-store", "rocksdb", "serde", "serde_derive"]);
}
