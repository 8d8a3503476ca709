//! Facts about our own source files.

use std::fs;
use std::path::{Path, PathBuf};

/// Longest source file in lines. A wish of a few hundred, held as a ratchet: lower it when the longest file is cut.
const FILE_LINES_MAX: usize = 700;
/// Longest line in characters.
const LINE_CHARS_MAX: usize = 140;
/// Names that say nothing, with what to do instead.
const EMPTY_NAMES: &[&str] = &["utils", "util", "common", "manager", "helper", "helpers", "misc"];
/// Marks of unfinished work.
const UNFINISHED: &[&str] = &["FIXME", "XXX", "TODO", "todo!(", "unimplemented!(", "simplified for now"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.map(Result::unwrap) {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" {
                files(&path, ending, found);
            }
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
}

fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for folder in ["src", "actors", "crates", "tests", "benches"] {
        files(&root().join(folder), ".rs", &mut found);
    }
    found.sort();
    assert!(found.len() > 50, "the sources are found");
    found
        .into_iter()
        .map(|path| (path.strip_prefix(root()).unwrap().to_owned(), fs::read_to_string(&path).unwrap()))
        .collect()
}

fn check(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn files_say_one_thing() {
    let long = |(path, text): &(PathBuf, String)| {
        let lines = text.lines().count();
        (lines > FILE_LINES_MAX).then(|| format!("{}: {lines} lines; cut it by idea", path.display()))
    };
    check(&sources().iter().filter_map(long).collect::<Vec<_>>());
}

#[test]
fn lines_fit_a_screen() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        for (index, line) in text.lines().enumerate() {
            // Known answers, patterns are one token and cannot be broken.
            let token =
                line.contains('"') || line.contains("http") || line.contains("in any::<") || line.contains("{ENV");
            if line.chars().count() > LINE_CHARS_MAX && !token {
                wrong.push(format!("{}:{}: longer than {LINE_CHARS_MAX} characters", path.display(), index + 1));
            }
        }
    }
    check(&wrong);
}

#[test]
fn tables_of_contents_open_with_purpose_owns_invariants_and_absences() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let is_table = name == "lib.rs" || (name == "mod.rs" && !path.starts_with("tests"));
        let in_tests = path.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "benches")));
        if !is_table || in_tests {
            continue;
        }
        for word in ["Purpose:", "Owns:", "Invariants:", "Not here:"] {
            if !text.contains(&format!("//! {word}")) {
                wrong.push(format!("{}: the head has no line `//! {word}`", path.display()));
            }
        }
    }
    check(&wrong);
}

#[test]
fn no_name_says_nothing() {
    let empty = |(path, _): &(PathBuf, String)| {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let folder =
            path.parent().and_then(|parent| parent.file_name()).map(|name| name.to_string_lossy().into_owned());
        let bad =
            EMPTY_NAMES.contains(&stem.as_str()) || folder.is_some_and(|name| EMPTY_NAMES.contains(&name.as_str()));
        bad.then(|| format!("{}: name it after what it owns", path.display()))
    };
    check(&sources().iter().filter_map(empty).collect::<Vec<_>>());
}

#[test]
fn nothing_is_left_unfinished() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        if path.starts_with("tests/tidy") {
            continue;
        }
        for (index, line) in text.lines().enumerate() {
            if let Some(mark) = UNFINISHED.iter().find(|mark| line.contains(**mark)) {
                wrong.push(format!("{}:{}: `{mark}`: finish it or file an issue", path.display(), index + 1));
            }
        }
    }
    check(&wrong);
}

#[test]
fn brand_names_stay_out_of_the_product() {
    // The one vendor string that is parsed (contract 10.19) stands in one constant of the core; tests may send it.
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        if path.components().any(|part| part.as_os_str() == "tests") {
            continue;
        }
        for (index, line) in text.lines().enumerate() {
            if line.to_lowercase().contains("fiskaltrust") && !line.contains("SCU_KEY_PREFIX") {
                wrong.push(format!("{}:{}: a brand name", path.display(), index + 1));
            }
        }
    }
    check(&wrong);
}

#[test]
fn no_crate_allows_unsafe_code() {
    let mut wrong = Vec::new();
    let mut manifests = Vec::new();
    files(&root(), "Cargo.toml", &mut manifests);
    for manifest in manifests {
        let text = fs::read_to_string(&manifest).unwrap();
        if !text.contains("[lints]\nworkspace = true") {
            wrong.push(format!("{}: add `[lints] workspace = true`", manifest.display()));
        }
    }
    assert!(fs::read_to_string(root().join("Cargo.toml")).unwrap().contains("unsafe_code = \"forbid\""));
    check(&wrong);
}
