//! Counts tests by outcome, from the output of their runners.

use std::ops::AddAssign;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::process::observe;

/// Tests by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Tests that passed.
    pub passed: usize,
    /// Tests that failed or did not end.
    pub failed: usize,
    /// Tests that did not run.
    pub skipped: usize,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// The result of a runner.
pub struct Report {
    /// The counts in its output.
    pub tally: Tally,
    /// The ending in words; `None` for success.
    pub failure: Option<String>,
    /// The part of the output that explains a failure.
    pub output: String,
}

impl Report {
    /// An error unless the runner succeeded, at least one test ran, and none was skipped or failed.
    pub fn verdict(&self) -> Result<()> {
        let Tally { passed, failed, skipped } = self.tally;
        let output = self.output.trim_end();
        if let Some(ending) = &self.failure {
            anyhow::bail!(
                "{output}\n{passed} passed, {failed} failed, {skipped} skipped; \
                 the runner ended with {ending}"
            );
        }
        ensure!(
            failed == 0,
            "{output}\n{failed} failed or held no test, and still the runner calls it a success"
        );
        ensure!(skipped == 0, "{output}\n{skipped} skipped: a test that does not run proves nothing");
        ensure!(passed > 0, "{output}\nnot a single test ran");
        Ok(())
    }
}

/// Runs `cargo test`.
pub fn of_cargo(command: &mut Command, limit: Duration) -> Result<Report> {
    report(command, limit, cargo_tally, cargo_failures)
}

/// Runs `node --test` with its TAP reporter.
pub fn of_node(command: &mut Command, limit: Duration) -> Result<Report> {
    report(command, limit, node_tally, node_failures)
}

fn report(
    command: &mut Command,
    limit: Duration,
    tally: fn(&str) -> Tally,
    failures: fn(&str) -> String,
) -> Result<Report> {
    let ended = observe(command, limit)?;
    let failure = (!ended.succeeded()).then(|| ended.in_words());
    Ok(Report { tally: tally(&ended.output), failure, output: failures(&ended.output) })
}

/// Sums lines such as `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; …`.
fn cargo_tally(output: &str) -> Tally {
    let mut sum = Tally::default();
    for result in output.lines().filter_map(|line| line.strip_prefix("test result: ")) {
        let count = |what: &str| -> usize {
            let mut words = result.split([' ', ';', '.']).filter(|word| !word.is_empty());
            let mut previous = "";
            words
                .find_map(|word| {
                    let found = (word == what).then(|| previous.parse().ok()).flatten();
                    previous = word;
                    found
                })
                .unwrap_or(0)
        };
        sum += Tally { passed: count("passed"), failed: count("failed"), skipped: count("ignored") };
    }
    sum
}

/// The output without the lines about tests that passed.
fn cargo_failures(output: &str) -> String {
    let dull = |line: &str| {
        let line = line.trim_start();
        (line.starts_with("test ") && line.ends_with("... ok"))
            || line.starts_with("test result: ok.")
            || line.starts_with("running ")
            || ["Compiling ", "Running ", "Doc-tests ", "Finished "]
                .iter()
                .any(|start| line.starts_with(start))
    };
    squeezed(output.lines().filter(|line| !dull(line)))
}

/// Reads the last lines of a TAP report: `# pass 3`, `# fail 0`, `# cancelled 0`, `# skipped 0`, `# todo 0`.
fn node_tally(output: &str) -> Tally {
    let count = |what: &str| -> usize {
        // A test may print such a line too; the runner's is the last.
        let last = output
            .lines()
            .rev()
            .find_map(|line| line.strip_prefix("# ")?.strip_prefix(what)?.strip_prefix(' '));
        last.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
    };
    // Node counts a file without tests as a passed test.
    let hollow = output.lines().filter(|line| is_hollow(line)).count();
    Tally {
        passed: count("pass").saturating_sub(hollow),
        failed: count("fail") + count("cancelled") + hollow,
        skipped: count("skipped") + count("todo"),
    }
}

/// Whether this line of a TAP report is about a file without tests.
fn is_hollow(line: &str) -> bool {
    line.starts_with("ok ") && line.ends_with(".test.mjs")
}

/// The lines after each `not ok`, and the output of the tests.
fn node_failures(output: &str) -> String {
    let mut telling = false;
    let lines = output.lines().filter(|line| {
        let line = line.trim_start();
        if line.starts_with("not ok ") || is_hollow(line) {
            telling = true;
        } else if line.starts_with("ok ") || line.starts_with("# Subtest") || line.starts_with("1..") {
            telling = false;
        }
        telling || line.contains("# SKIP") || line.contains("# TODO") || !output.contains("TAP version")
    });
    squeezed(lines)
}

/// Joins lines, and several empty lines into one.
fn squeezed<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for line in lines {
        if !(line.is_empty() && (text.is_empty() || text.ends_with("\n\n"))) {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARGO: &str = "\
running 2 tests
test one ... ok
test two ... FAILED

failures:
    two: left is not right

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

   Doc-tests epode_xml

running 12 tests
test result: ok. 10 passed; 0 failed; 2 ignored; 0 measured; 3 filtered out; finished in 0.10s
";

    const NODE: &str = "\
TAP version 13
# Subtest: a tab that closes
    # Subtest: says so
    ok 1 - says so
    # Subtest: is missed
    not ok 2 - is missed
      ---
      error: 'nobody noticed'
      ...
    1..2
not ok 1 - a tab that closes
# pass 99
# Subtest: another
ok 2 - another # SKIP
1..2
# tests 4
# suites 0
# pass 1
# fail 2
# cancelled 1
# skipped 1
# todo 0
# duration_ms 12
";

    #[test]
    fn the_results_of_all_cargo_test_binaries_are_summed() {
        assert_eq!(cargo_tally(CARGO), Tally { passed: 11, failed: 1, skipped: 2 });
        assert_eq!(cargo_tally("error: could not compile `epode-xml`"), Tally::default());
    }

    #[test]
    fn only_the_last_summary_of_a_tap_report_counts() {
        assert_eq!(node_tally(NODE), Tally { passed: 1, failed: 3, skipped: 1 });
        assert_eq!(node_tally(""), Tally::default());
    }

    #[test]
    fn a_file_without_a_test_is_a_failure() {
        let report = "ok 1 - says so\nok 2 - tests/empty.test.mjs\n# pass 2\n# fail 0\n# cancelled 0\n";
        assert_eq!(node_tally(report), Tally { passed: 1, failed: 1, skipped: 0 });
        assert!(node_failures(&format!("TAP version 13\n{report}")).contains("empty.test.mjs"));
    }

    #[test]
    fn what_is_shown_of_a_failure_leaves_out_what_held() {
        let shown = cargo_failures(CARGO);
        assert!(shown.contains("left is not right") && shown.contains("test two ... FAILED"));
        assert!(!shown.contains("test one") && !shown.contains("Doc-tests"));
        let shown = node_failures(NODE);
        assert!(shown.contains("nobody noticed") && shown.contains("another # SKIP"));
        assert!(!shown.contains("says so"));
    }

    #[test]
    fn a_run_that_skips_or_runs_nothing_or_ends_badly_is_a_failure() {
        let report = |passed, failed, skipped, failure: Option<&str>| Report {
            tally: Tally { passed, failed, skipped },
            failure: failure.map(str::to_owned),
            output: String::new(),
        };
        assert!(report(3, 0, 0, None).verdict().is_ok());
        assert!(report(3, 0, 1, None).verdict().is_err());
        assert!(report(0, 0, 0, None).verdict().is_err());
        assert!(report(3, 1, 0, None).verdict().is_err());
        assert!(report(3, 0, 0, Some("exit status: 101")).verdict().is_err());
    }
}
