#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{METHODS, PREFIX, method_of, unread};
use deriva_messages::Fault;
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::Status;

#[test]
fn the_methods_are_those_of_the_interface() {
    let set = FileDescriptorSet::decode(deriva_proto::FILE_DESCRIPTOR_SET).unwrap();
    let services = set.file.iter().flat_map(|file| &file.service);
    let deriva = services
        .into_iter()
        .find(|service| service.name() == "Deriva")
        .unwrap();
    let declared: Vec<&str> = deriva.method.iter().map(|method| method.name()).collect();
    assert_eq!(declared, METHODS);
}

#[test]
fn labels_come_from_the_list_only() {
    assert_eq!(method_of(&format!("{PREFIX}Get")), Some("Get"));
    for path in [
        "/deriva.Deriva/get",
        "/deriva.Deriva/",
        "/deriva.Deriva/Get/x",
        "/grpc.health.v1.Health/Check",
    ] {
        assert_eq!(method_of(path), None, "{path}");
    }
}

#[test]
fn a_message_that_is_too_long_is_a_limit_that_names_the_stream() {
    let said = Status::out_of_range(
        "Error, decoded message length too large: found 20000000 bytes, the limit is: 16 bytes",
    );
    let fault = unread(&said, 16).unwrap();
    assert!(
        matches!(
            fault,
            Fault::OverLimit {
                limit: 16,
                got: 20_000_000,
                ..
            }
        ),
        "{fault}"
    );
    assert!(fault.to_string().contains("PutLeafStream"), "{fault}");
}

#[test]
fn a_message_that_cannot_be_read_is_malformed() {
    let said = Status::internal("failed to decode Protobuf message: invalid string value");
    let fault = unread(&said, 16).unwrap();
    assert_eq!(fault.reason(), "MALFORMED");
    assert!(
        fault.to_string().contains("invalid string value"),
        "{fault}"
    );
    assert!(unread(&Status::cancelled("gone"), 16).is_none());
}
