//! Segments in strange hands: every kind of hostile file, a stroke at every place of one, and the
//! corpus of the fuzzer with the checks of words switched off.

use crate::Outcome;
use crate::steps::{command, output_of};
use std::path::Path;

/// What may be wrong with a file or its folder, and the test that shows how it ends.
const KINDS: [(&str, &str); 17] = [
    ("header, boot and time namespace", "hostile::a_header_that_is_not_ours_is_refused"),
    ("mode, size, link, pipe, folder", "hostile::a_file_that_others_may_write_or_that_is_no_file_is_refused"),
    ("folder missing or a link, names, sizes", "hostile::a_folder_that_is_none_or_not_there_is_refused"),
    ("another version", "hostile::two_versions_live_side_by_side_and_say_so_once"),
    ("no room for a cell", "hostile::a_full_segment_is_process_scope_from_then_on"),
    ("owner, squatted folder", "mounts::a_file_or_a_folder_of_another_user_is_refused"),
    ("full file system", "mounts::a_full_file_system_is_said_once_and_leaves_nothing_behind"),
    ("file system that fills", "mounts::a_segment_goes_on_where_others_fill_its_file_system"),
    ("read-only file system", "mounts::a_read_only_file_system_is_said_once_and_can_be_looked_at"),
    ("removed while mapped", "a_file_that_is_removed_while_it_is_mapped_is_made_anew_and_said_once"),
    ("cut while mapped", "cut::the_kernel_ends_who_touches_a_part_that_was_cut_away"),
    ("cut or extended elsewhere", "cut::who_uses_nothing_of_what_was_cut_away_or_put_on_goes_on_by_himself"),
    ("scribbled over at work", "scribbled::a_stroke_at_any_place_harms_nobody_at_work"),
    ("scribbled over before", "scribbled::a_stroke_at_any_place_harms_nobody_who_comes_after"),
    ("words with instants and counts", "scribbled::whatever_stands_in_a_word_ends_within_its_own_time"),
    ("scribbled over all the time", "scribbled::a_storm_of_strokes_ends_and_hangs_nobody"),
    ("texts for a terminal", "hostile::a_name_cannot_speak_to_a_terminal"),
];

/// Bytes of the segment that is scribbled over.
const PLACES: u32 = 64 << 10;

pub fn run(root: &Path) -> Outcome {
    let mut tests = command(root, "cargo", &["test", "--release", "-p", "seawall-tests", "--test", "host", "--"]);
    tests.args(KINDS.map(|(_, test)| test)).args(["--exact", "--nocapture"]).env("SEAWALL_HOSTILE_STEP", "1");
    let output = output_of(tests)?;
    if let Some((kind, test)) = KINDS.iter().find(|(_, test)| !output.contains(&format!("test {test} ... "))) {
        return Err(format!("{kind}: the test {test} did not run").into());
    }
    if !output.contains(&format!("{} passed; 0 failed; 0 ignored", KINDS.len())) {
        return Err("not each listed test passed".into());
    }
    let figures: Vec<&str> = output.lines().filter_map(|line| Some(&line[line.find("scribbled, ")?..])).collect();
    println!("        {}", figures.join("\n        "));
    for (mode, places) in [("live", PLACES), ("late", PLACES), ("words", PLACES / 8)] {
        if !figures.iter().any(|line| line.starts_with(&format!("scribbled, {mode}: {places} places"))) {
            return Err(format!("not every place was scribbled over ({mode})").into());
        }
    }
    let arguments = ["test", "-p", "seawall-tests", "--features", "unsealed", "--test", "corpus", "--", "--nocapture"];
    let mut corpus = command(root, "cargo", &arguments);
    corpus.env("CARGO_TARGET_DIR", root.join("build/crash"));
    let output = output_of(corpus)?;
    let inputs = output.lines().find_map(|line| line.strip_suffix(" inputs")?.rsplit(' ').next());
    println!("        {} inputs of the fuzzer's corpus", inputs.ok_or("the corpus was not replayed")?);
    Ok(())
}
