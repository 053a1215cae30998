//! The corpora of the fuzz targets, replayed.

// The lints' exception for tests covers the test functions alone, and not what they call.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    collections::BTreeSet,
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
};

use pip_services_fuzz::TARGETS;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// What is in a folder, in order.
fn entries(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn every_input_of_every_corpus_passes() {
    let mut failed = Vec::new();
    for (name, target) in TARGETS {
        let inputs = entries(&folder("corpus").join(name));
        assert!(!inputs.is_empty(), "the corpus of {name} is empty");
        for input in inputs {
            let data = fs::read(&input).unwrap();
            if catch_unwind(|| target(&data)).is_err() {
                failed.push(input);
            }
        }
    }
    assert!(failed.is_empty(), "these fail: {failed:#?}");
}

#[test]
fn each_target_has_a_program_and_a_corpus_and_there_are_no_others() {
    let named = |folder: PathBuf| -> BTreeSet<String> {
        entries(&folder).iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
    };
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(named(folder("fuzz_targets")), targets);
    assert_eq!(named(folder("corpus")), targets);
}
