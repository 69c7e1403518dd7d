//! What is done with each input stands in `seawall_tests::hostile::fuzzed`, where a plain test replays
//! the corpus.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Err(wrong) = seawall_tests::hostile::fuzzed::read(data) {
        panic!("{wrong}");
    }
});
