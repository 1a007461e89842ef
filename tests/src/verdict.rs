//! What a test Guest's report means.
//!
//! A Guest reports on its console, one line a finding:
//!
//! ```text
//! test: PASS name             it behaves
//! test: FAIL name reason      it does not
//! test: SKIP name reason      this machine cannot show it
//! test: ERROR name reason     the test itself went wrong
//! test: expect-kill words     what comes next is forbidden: the Host must kill this Guest
//!                             with a sentence that has these words in it
//! ```
//!
//! Invariants:
//! - *No report is an error* (`no_report_is_an_error`).
//! - A Guest that announced its death and survived has failed, and so has one that died
//!   unannounced or of something else (`a_death_must_be_the_one_announced`).
//! - A run that lost a frame has failed, whatever the Guest says (`a_lost_frame_is_a_failure`).
//!
//! Next on the tour: the tests in `tests/machine/`.

use crate::outcome::Outcome;

/// Judges the run of test Guest `name`, which reports on its console.
///
/// # Errors
/// What was wrong with it, as a sentence.
pub fn judge(outcome: &Outcome, name: &str) -> Result<(), String> {
    let reports: Vec<&str> = reports(outcome).collect();
    if let Some(bad) = reports.iter().find(|report| !is_good(report)) {
        return Err(format!("the Guest reports {bad:?}"));
    }
    if reports.is_empty() {
        return Err("no report from the Guest".into());
    }
    // Some find out only by trying that this machine has nothing to show.
    let is_skipped = reports.iter().any(|report| report.starts_with("SKIP "));
    let expected = reports.iter().find_map(|report| report.strip_prefix("expect-kill "));
    let expected = expected.filter(|_| !is_skipped);
    judge_end(outcome, name, expected)
}

/// Judges the run of test Guest `name`, which must be killed with `words` before it has a console
/// to report on. Here a report of its own is the failure.
///
/// # Errors
/// What was wrong with it, as a sentence.
pub fn judge_silent(outcome: &Outcome, name: &str, words: &str) -> Result<(), String> {
    match reports(outcome).next() {
        Some(report) => Err(format!("the Guest lived to report {report:?}")),
        None => judge_end(outcome, name, Some(words)),
    }
}

fn reports(outcome: &Outcome) -> impl Iterator<Item = &str> {
    outcome.log.lines().filter_map(|line| line.strip_prefix("test: "))
}

fn is_good(report: &str) -> bool {
    ["PASS ", "SKIP ", "expect-kill "].iter().any(|word| report.starts_with(word))
}

/// Judges how the Guest and the Host ended, given the words the Guest wanted to be killed with.
fn judge_end(outcome: &Outcome, name: &str, expected: Option<&str>) -> Result<(), String> {
    let code = match (expected, outcome.killed(name)) {
        (None, None) => 0,
        (Some(words), Some(sentence)) if sentence.contains(words) => 1,
        (expected, killed) => return Err(format!("expected a kill: {expected:?}, killed: {killed:?}")),
    };
    match outcome.exit_code() {
        Some(found) if found == code => judge_frames(outcome),
        found => Err(format!("the Host's exit code is {found:?} instead of {code}")),
    }
}

fn judge_frames(outcome: &Outcome) -> Result<(), String> {
    match outcome.frames() {
        Some(frames) if frames.free == frames.total => Ok(()),
        Some(frames) => {
            Err(format!("{} of {} frames were not given back", frames.total - frames.free, frames.total))
        }
        None => Err("the Host did not count its frames".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(log: &str, code: u8) -> Result<(), String> {
        let log = format!("{log}\nhost: frames: 7 of 7 free\nhost: end, exit code {code}\n");
        judge(&Outcome { log, status: None }, "g")
    }

    #[test]
    fn a_pass_and_an_end_in_order_are_good() {
        assert_eq!(verdict("test: PASS one\ntest: SKIP two no FPU", 0), Ok(()));
    }

    #[test]
    fn no_report_is_an_error() {
        assert!(verdict("hello", 0).is_err());
    }

    #[test]
    fn one_bad_report_spoils_the_run() {
        assert!(verdict("test: PASS one\ntest: FAIL two because", 0).is_err());
        assert!(verdict("test: PASS one\ntest: ERROR two because", 0).is_err());
        assert!(verdict("test: PASS one\ntest: nonsense", 0).is_err());
    }

    #[test]
    fn a_death_must_be_the_one_announced() {
        assert_eq!(verdict("test: expect-kill did it\nguest g: killed: did it twice", 1), Ok(()));
        assert!(verdict("test: expect-kill did it", 0).is_err());
        assert!(verdict("test: expect-kill did it\nguest g: killed: did that", 1).is_err());
        assert!(verdict("test: PASS one\nguest g: killed: did it", 1).is_err());
    }

    #[test]
    fn who_finds_nothing_to_die_of_lives() {
        let tried = "test: expect-kill did it\ntest: SKIP g: not here";
        assert_eq!(verdict(tried, 0), Ok(()));
        assert!(verdict(&format!("{tried}\nguest g: killed: did it"), 1).is_err());
    }

    #[test]
    fn a_guest_that_should_die_in_silence_must_do_so() {
        let silent = |log: &str, code| {
            let log = format!("{log}host: frames: 7 of 7 free\nhost: end, exit code {code}\n");
            judge_silent(&Outcome { log, status: None }, "g", "did it")
        };
        assert_eq!(silent("guest g: killed: did it\n", 1), Ok(()));
        assert!(silent("", 0).is_err());
        assert!(silent("guest g: killed: did that\n", 1).is_err());
        assert!(silent("test: FAIL g: survived\nguest g: killed: did it\n", 1).is_err());
    }

    #[test]
    fn the_exit_code_must_fit() {
        assert!(verdict("test: PASS one", 2).is_err());
        assert!(verdict("test: expect-kill did it\nguest g: killed: did it", 0).is_err());
    }

    #[test]
    fn a_lost_frame_is_a_failure() {
        let log = "test: PASS one\nhost: frames: 6 of 7 free\nhost: end, exit code 0\n";
        assert!(judge(&Outcome { log: log.into(), status: None }, "g").is_err());
    }
}
