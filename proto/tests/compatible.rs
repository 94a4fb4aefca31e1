//! The wire only grows: whatever a released schema has, this one has, under the
//! same number and of the same type.
//!
//! The fixture is the schema of the last release. After additions it is written
//! anew with `STATEHOUSE_WRITE_FIXTURES=1`; what this test refuses it refuses
//! then too.
#![allow(missing_docs, clippy::disallowed_methods, reason = "a test with a file of its own")]

use prost::Message as _;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorSet, ServiceDescriptorProto};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Every element of a schema by its full name, with what must not change.
type Elements = BTreeMap<String, String>;

fn fixture() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/descriptor.bin")
}

fn message(scope: &str, message: &DescriptorProto, into: &mut Elements) {
    let name = format!("{scope}.{}", message.name());
    into.insert(name.clone(), "message".to_owned());
    for field in &message.field {
        let what = format!("{:?} {:?} {} {}", field.label(), field.r#type(), field.type_name(), field.name());
        into.insert(format!("{name}#{}", field.number()), what);
    }
    message.nested_type.iter().for_each(|nested| self::message(&name, nested, into));
    message.enum_type.iter().for_each(|nested| enumeration(&name, nested, into));
}

fn enumeration(scope: &str, one: &EnumDescriptorProto, into: &mut Elements) {
    for value in &one.value {
        into.insert(format!("{scope}.{}#{}", one.name(), value.number()), value.name().to_owned());
    }
}

fn service(scope: &str, service: &ServiceDescriptorProto, into: &mut Elements) {
    for method in &service.method {
        let streams = (method.client_streaming(), method.server_streaming());
        let what = format!("{} -> {} {streams:?}", method.input_type(), method.output_type());
        into.insert(format!("{scope}.{}/{}", service.name(), method.name()), what);
    }
}

fn elements(schema: &[u8]) -> Elements {
    let set = FileDescriptorSet::decode(schema).expect("a descriptor set");
    let mut into = Elements::new();
    for file in &set.file {
        let scope = file.package();
        file.message_type.iter().for_each(|one| message(scope, one, &mut into));
        file.enum_type.iter().for_each(|one| enumeration(scope, one, &mut into));
        file.service.iter().for_each(|one| service(scope, one, &mut into));
    }
    into
}

/// What of the released schema is gone or changed.
fn broken(released: &Elements, now: &Elements) -> Vec<String> {
    let differs = |(name, what): (&String, &String)| {
        let found = now.get(name);
        (found != Some(what)).then(|| format!("{name}: was `{what}`, is {found:?}"))
    };
    released.iter().filter_map(differs).collect()
}

#[test]
fn nothing_released_has_changed() {
    let now = elements(proto::DESCRIPTORS);
    let released = std::fs::read(fixture()).unwrap_or_default();
    let broken = broken(&elements(&released), &now);
    assert!(broken.is_empty(), "clients in use would break:\n{}", broken.join("\n"));
    if std::env::var_os("STATEHOUSE_WRITE_FIXTURES").is_some() {
        std::fs::write(fixture(), proto::DESCRIPTORS).expect("written");
    } else {
        let released = elements(&released);
        let added: Vec<&String> = now.keys().filter(|name| !released.contains_key(*name)).collect();
        assert!(added.is_empty(), "the fixture lacks additions, write it anew: {added:?}");
    }
}

#[test]
fn changes_are_noticed() {
    let released = elements(proto::DESCRIPTORS);
    let field = "statehouse.v1.Receipt#3";
    assert!(released[field].ends_with("index"), "{}", released[field]);
    let (mut removed, mut renamed) = (released.clone(), released.clone());
    removed.remove("statehouse.data.v1.Data/Get").expect("a method");
    renamed.insert(field.to_owned(), "LABEL_OPTIONAL TYPE_STRING  index".to_owned());
    assert_eq!(broken(&released, &removed).len(), 1);
    assert_eq!(broken(&released, &renamed).len(), 1);
}
