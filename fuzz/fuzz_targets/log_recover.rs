//! Any bytes as the only segment of a log.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| testkit::fuzz::log_recover(input));
