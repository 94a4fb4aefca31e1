//! Any bytes as the payload of a `Commands` record.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| testkit::fuzz::commands(input));
