//! Any bytes as a key, stored or to be stored.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| testkit::fuzz::keys(input));
