//! Any lives of a log on a disk that may end at any operation.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| testkit::fuzz::log_crash(input));
