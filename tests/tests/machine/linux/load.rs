//! Linux under load: two of a kind that keep forking, paging, writing and sending to each other,
//! and look at every byte.
//!
//! `KENNEL_LINUX_LOAD=600` says for how many seconds of the Guests' clocks; without it this is
//! skipped, for it takes that long for each kernel.
//!
//! Next on the tour: back to [`super`].

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use emulated::scratch::Scratch;
use emulated::{Outcome, Qemu};

use super::folder::{Folder, Kernel, Verdict, ask, tell};
use super::{ADDRESSES, LIMIT, disk, ended, failure, has_all};

/// MiB of each Guest's disk.
const DISK: u32 = 4;

#[test]
fn linux_bears_load() {
    let Some(seconds) = env::var("KENNEL_LINUX_LOAD").ok() else {
        return tell(format_args!("linux: SKIP load: KENNEL_LINUX_LOAD names no number of seconds"));
    };
    let seconds: u32 = seconds.parse().expect("KENNEL_LINUX_LOAD is a number");
    ask("load", |folder, kernel| bears(folder, kernel, seconds));
}

fn bears(folder: &Folder, kernel: &Kernel, seconds: u32) -> Verdict {
    let scratch = Scratch::new();
    let (file, _) = disk(&scratch, DISK);
    let lines = ["mem=64M net=lan disk=d", "mem=64M net=lan disk=e"];
    let words = [1, 0].map(|peer| format!("load={seconds} peer={} then=poweroff", ADDRESSES[peer]));
    let boot = folder.boot(&kernel.image, &[(lines[0], words[0].as_str()), (lines[1], words[1].as_str())]);
    let boot = [("d", &file), ("e", &file)]
        .into_iter()
        .fold(boot, |boot, (name, file): (_, &PathBuf)| boot.with(file, format!("disk name={name} cow")));
    let limit = LIMIT + Duration::from_secs(2 * u64::from(seconds));
    judge(&Qemu::kernel(&boot).options(&["-m", "256"]).limit(limit).start().finish())
}

/// Whether nothing was lost, nobody complained, and the Host had as many frames free after the load
/// as before; tells how much was done.
fn judge(outcome: &Outcome) -> Verdict {
    ended(outcome, 0)?;
    has_all(outcome, &["init: ALL DONE"])?;
    if let Some(failed) = outcome.log.lines().find(|line| line.contains("LOAD FAILED")) {
        return Err(failure(outcome, failed));
    }
    let pages: Vec<(&str, &str)> =
        said(outcome, "init: Host pages ").filter_map(|pages| pages.split_once(", then ")).collect();
    match pages[..] {
        [a, b] if a.0 == a.1 && b.0 == b.1 && a == b && !a.0.is_empty() => {}
        _ => return Err(failure(outcome, &format!("the Host's pages: {pages:?}"))),
    }
    let rounds: Vec<&str> = said(outcome, "init: rounds: ").map(str::trim).collect();
    match rounds.len() {
        2 => Ok(format!("{}; {}", rounds[0], rounds[1])),
        _ => Err(failure(outcome, &format!("rounds: {rounds:?}"))),
    }
}

/// What follows `words` on each line that begins with them.
fn said<'o>(outcome: &'o Outcome, words: &'o str) -> impl Iterator<Item = &'o str> {
    outcome.log.lines().filter_map(move |line| line.strip_prefix(words))
}
