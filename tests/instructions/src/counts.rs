use std::{
    collections::BTreeMap,
    error::Error,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

/// Instructions by the name of the workload.
pub(crate) type Counts = BTreeMap<String, u64>;

/// Where `.ci/install gungraun-runner` puts it.
const RUNNER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/tools/bin/gungraun-runner");

/// Builds the workloads and runs them under callgrind.
pub(crate) fn count() -> Result<Counts, Box<dyn Error>> {
    if !Path::new(RUNNER).exists() {
        return Err(format!("{RUNNER} is missing: run `.ci/install valgrind gungraun-runner` first").into());
    }
    let output = Command::new("cargo")
        .args(["run", "--release", "--locked", "--quiet"])
        .args(["-p", env!("CARGO_PKG_NAME"), "--example", "workloads"])
        // Without the first, which is how cargo calls a benchmark, it takes itself for a test and does nothing.
        .args(["--", "--bench", "--output-format=json"])
        .env("GUNGRAUN_RUNNER", RUNNER)
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("the workloads ended with {}", output.status).into());
    }
    read(&String::from_utf8(output.stdout)?)
}

/// Each line tells of one workload.
fn read(lines: &str) -> Result<Counts, Box<dyn Error>> {
    lines
        .lines()
        .map(|line| {
            let summary: Value = serde_json::from_str(line)?;
            let name = name(&summary).ok_or_else(|| format!("this names no workload: {line}"))?;
            let counted =
                instructions(&summary).ok_or_else(|| format!("{name}: no instructions were counted"))?;
            Ok((name, counted))
        })
        .collect()
}

fn name(summary: &Value) -> Option<String> {
    // The name of the program, before them, says nothing.
    let (_, function) = summary["module_path"].as_str()?.split_once("::")?;
    Some(format!("{function}::{}", summary["id"].as_str()?))
}

fn instructions(summary: &Value) -> Option<u64> {
    let counted = summary.pointer("/profiles/0/data/total/metrics/Ir/values/new")?.as_u64()?;
    // None at all: the function to count in was not found.
    (counted > 0).then_some(counted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(total: &str) -> String {
        let (path, data) = ("workloads::envelopes::encode", format!(r#"{{"parts": [], "total": {total}}}"#));
        format!(r#"{{"module_path": "{path}", "id": "small", "profiles": [{{"data": {data}}}]}}"#)
    }

    #[test]
    fn the_new_count_is_taken_where_an_older_one_is_told_beside_it() {
        let read = read(&line(r#"{"metrics": {"Ir": {"values": {"new": 12, "old": 34}}}}"#)).unwrap();
        assert_eq!(read, Counts::from([("envelopes::encode::small".into(), 12)]));
    }

    #[test]
    fn a_summary_without_instructions_or_with_none_is_an_error() {
        for total in [r#"{"metrics": {}}"#, r#"{"metrics": {"Ir": {"values": {"new": 0}}}}"#] {
            let error = read(&line(total)).unwrap_err().to_string();
            assert_eq!(error, "envelopes::encode::small: no instructions were counted");
        }
    }
}
