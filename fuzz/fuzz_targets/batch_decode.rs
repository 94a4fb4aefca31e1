//! Any bytes as a segment: what is taken for a batch is one.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| testkit::fuzz::batch_decode(input));
