//! Any bytes as FORMAT and as IDENTITY.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| testkit::fuzz::format_decode(input));
