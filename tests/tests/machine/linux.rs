//! Level 6: Linux kernels nobody here wrote, each as the Guest it was built to be.
//!
//! They are not part of the project, so a person says where they are:
//!
//! ```text
//! KENNEL_LINUX=DIR      DIR/<release>/bzImage   any number of kernels, named as they call themselves
//!                       DIR/<release>/vmlinux   the same as an ELF file, if it is there
//!                       DIR/initrd.cpio.gz      a busybox, with a link for each of its commands
//! ```
//!
//! or `KENNEL_LINUX_INITRD=FILE` for an initrd that is elsewhere. Without the first, each question says
//! SKIP; with it, each prints a line for every kernel. `cargo test -p kennel-tests -- linux` asks
//! these alone. `KENNEL_LINUX_LOAD=600` puts each under load for ten minutes as well.
//!
//! What the kernels start is ours: `linux/init`, put before the initrd as an archive of its own. It
//! says what it can be told to do; what it finds are lines that begin with `init: `:
//!
//! | line | what it found |
//! |---|---|
//! | `hello from RELEASE` | a console |
//! | `vda read SUM` | the first MiB of `/dev/vda` |
//! | `vda written SUM read back SUM` | the second, before and after |
//! | `… inet addr:ADDRESS …` | an address; `ping` itself says how many packets were received |
//! | `hwrng HEX` | sixteen bytes of `/dev/hwrng` |
//! | `sleep 1: uptime FROM -> TO` | the timer, by the Guest's own clock |
//! | `forks and pipes: 20`, `sorted: SUM` | twenty of them; a sorted list |
//! | `KERNEL COMPLAINS: …` | an oops, a BUG or a WARNING in `dmesg` |
//! | `ALL DONE` | it has come to its end |

mod folder;
mod load;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use emulated::scratch::Scratch;
use emulated::{Bochs, Boot, Outcome, Qemu};

use folder::{Folder, Kernel, Verdict, ask, ask_those};

/// Bytes of a sector, sectors of a MiB.
const SECTOR: usize = 512;
const SECTORS_PER_MIB: u32 = 2048;
/// MiB of the disk: one that is read and one that is written.
const DISK: u32 = 2;
/// Addresses the first two Guests on a network are given.
const ADDRESSES: [&str; 2] = ["10.77.0.8", "10.77.0.16"];
/// The longest a machine may take: some releases look for a keyboard controller for a second, and
/// count it by instructions.
const LIMIT: Duration = Duration::from_secs(900);
/// The kernel the strict machine boots, with a recent CPU, as many are not built for a Pentium, if it is there; otherwise the first.
const STRICT: &str = "3.11.10";
/// The numbers from 1 to 2000, each on a line, by `md5sum`.
const SORTED: &str = "ea4d0a24dabcaa11f9aa979b872d162b";

/// A disk of so many MiB without two equal sectors, and the sum of its first as `md5sum` writes it.
fn disk(scratch: &Scratch, megs: u32) -> (PathBuf, String) {
    let sector = |number: u32| number.to_le_bytes().repeat(SECTOR / 4);
    let mib: Vec<u8> = (0..SECTORS_PER_MIB).flat_map(sector).collect();
    let output = Command::new("md5sum").arg(scratch.file("mib", &mib)).output().expect("md5sum starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let rest = (SECTORS_PER_MIB..megs * SECTORS_PER_MIB).flat_map(sector);
    let path = scratch.file("disk.img", mib.into_iter().chain(rest).collect::<Vec<u8>>());
    (path, said.split(' ').next().unwrap_or_default().to_owned())
}

/// Whether the machine ended with `code` and its frames, and no Guest's kernel complained.
fn ended(outcome: &Outcome, code: u8) -> Result<(), String> {
    let found = outcome.exit_code();
    if found != Some(code) {
        return Err(failure(outcome, &format!("exit code {found:?} instead of {code}")));
    }
    if let Some(complaint) = outcome.log.lines().find(|line| line.contains("init: KERNEL COMPLAINS")) {
        return Err(failure(outcome, complaint));
    }
    match outcome.frames() {
        Some(frames) if frames.free == frames.total => Ok(()),
        frames => Err(failure(outcome, &format!("frames at the end: {frames:?}"))),
    }
}

/// Whether `log` has every one of `words`.
fn has_all(outcome: &Outcome, words: &[&str]) -> Result<(), String> {
    match words.iter().find(|words| !outcome.log.contains(**words)) {
        Some(missing) => Err(failure(outcome, &format!("no {missing:?}"))),
        None => Ok(()),
    }
}

fn failure(outcome: &Outcome, what: &str) -> String {
    format!("{what}\n--- serial line ---\n{}", outcome.log)
}

/// What init says when it finds nothing wrong, on a Guest with a disk and a network.
fn everything_works(outcome: &Outcome, kernel: &Kernel, sum: &str) -> Verdict {
    ended(outcome, 0)?;
    let read = format!("init: vda read {sum}");
    let address = format!("inet addr:{}", ADDRESSES[0]);
    let received = "3 packets transmitted, 3 packets received";
    let sorted = format!("init: sorted: {SORTED}");
    let words =
        ["init: hello from", &read, &address, received, "forks and pipes: 20", &sorted, "powered off"];
    has_all(outcome, &words)?;
    written(outcome)?;
    slept(outcome)?;
    let random = outcome.log.lines().find_map(|line| line.strip_prefix("init: hwrng "));
    let has_random = random.is_some_and(|random| random.len() == 32 && random.contains(|digit| digit != '0'));
    // The driver came with 2.6.26.
    if has_random != (kernel.numbers() >= vec![2, 6, 26]) {
        return Err(failure(outcome, &format!("random bytes: {random:?}")));
    }
    let random = if has_random { "entropy" } else { "no driver for entropy" };
    Ok(format!("console, disk read and written, network, {random}, timer, forks, power-off"))
}

/// Whether what was read back is what was written.
fn written(outcome: &Outcome) -> Result<(), String> {
    let line = outcome.log.lines().find_map(|line| line.strip_prefix("init: vda written "));
    match line.and_then(|line| line.split_once(" read back ")) {
        Some((before, after)) if before == after && before.len() == 32 => Ok(()),
        sums => Err(failure(outcome, &format!("what was written and what was read: {sums:?}"))),
    }
}

/// Whether init's second was one.
fn slept(outcome: &Outcome) -> Result<(), String> {
    let line = outcome.log.lines().find_map(|line| line.strip_prefix("init: sleep 1: uptime "));
    let times = line.and_then(|line| line.split_once(" -> "));
    let slept = times.and_then(|(from, to)| Some(to.parse::<f64>().ok()? - from.parse::<f64>().ok()?));
    match slept {
        Some(slept) if (0.95..1.3).contains(&slept) => Ok(()),
        slept => Err(failure(outcome, &format!("a sleep of one second took {slept:?}"))),
    }
}

fn all_devices(folder: &Folder, image: &Path, disk: &Path) -> Boot {
    let words = ("mem=32M net=lan disk=d", "then=poweroff ping=10.77.0.1");
    folder.boot(image, &[words]).with(disk, "disk name=d")
}

/// A machine on whose clock only its own work counts, runs `boot`.
fn counted(boot: &Boot) -> Qemu {
    Qemu::kernel(boot).options(&["-m", "256"]).counted().limit(LIMIT)
}

#[test]
fn linux_finds_console_disk_network_and_entropy() {
    ask("devices", |folder, kernel| {
        let scratch = Scratch::new();
        let (disk, sum) = disk(&scratch, DISK);
        let outcome = counted(&all_devices(folder, &kernel.image, &disk)).start().finish();
        everything_works(&outcome, kernel, &sum)
    });
}

#[test]
fn linux_boots_from_its_elf_file_as_well() {
    let has_elf = |_: &Folder, kernel: &Kernel| kernel.elf().is_some();
    ask_those("vmlinux", has_elf, |folder, kernel| {
        let scratch = Scratch::new();
        let (disk, sum) = disk(&scratch, DISK);
        let elf = kernel.elf().expect("it was there before");
        let outcome = counted(&all_devices(folder, &elf, &disk)).start().finish();
        everything_works(&outcome, kernel, &sum)
    });
}

#[test]
fn linux_restarts_in_fresh_memory() {
    ask("reboot", |folder, kernel| {
        let mut session = counted(&folder.boot(&kernel.image, &[("mem=32M", "then=reboot")])).start();
        for life in ["first", "second", "third"] {
            let said = session.wait_for("guest a: restarting");
            let complaint = said.lines().find(|line| line.contains("KERNEL COMPLAINS"));
            if !said.contains("init: ALL DONE") || complaint.is_some() {
                return Err(format!("its {life} life: {complaint:?}\n{said}"));
            }
        }
        Ok("three lives".into())
    });
}

#[test]
fn linux_that_panics_is_killed_with_its_words() {
    ask("panic", |folder, kernel| {
        let outcome = counted(&folder.boot(&kernel.image, &[("mem=32M", "then=panic")])).start().finish();
        ended(&outcome, 1)?;
        has_all(&outcome, &["init: ALL DONE", "guest a: panicked: Attempted to kill init!"])?;
        Ok("killed with its own words".into())
    });
}

#[test]
fn linux_reaches_another_of_its_kind() {
    ask("two at once", |folder, kernel| {
        let pings = ADDRESSES.map(|address| format!("then=poweroff ping={address}"));
        let line = "mem=32M net=lan";
        let outcome =
            counted(&folder.boot(&kernel.image, &[(line, &pings[1]), (line, &pings[0])])).start().finish();
        ended(&outcome, 0)?;
        let answered = outcome.log.matches(" packets transmitted, 3 packets received").count();
        let off = outcome.log.matches(": powered off: ").count();
        match (answered, off) {
            (2, 2) => Ok("both had an answer to every ping".into()),
            _ => Err(failure(&outcome, &format!("{answered} of 2 had their answers, {off} powered off"))),
        }
    });
}

#[test]
fn linux_runs_in_the_strict_machine() {
    let wanted = |folder: &Folder, kernel: &Kernel| !folder.has(STRICT) || kernel.name == STRICT;
    ask_those("Bochs", wanted, |folder, kernel| {
        let scratch = Scratch::new();
        let (disk, sum) = disk(&scratch, DISK);
        let outcome = Bochs::grub(&all_devices(folder, &kernel.image, &disk)).recent().start().finish();
        everything_works(&outcome, kernel, &sum)
    });
}
