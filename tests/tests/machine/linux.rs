//! Level 6: Linux kernels nobody here wrote, each as the Guest it was built to be.
//!
//! They are not part of the project, so a person says where they are:
//!
//! ```text
//! KENNEL_LINUX=DIR      DIR/<release>/bzImage   any number of kernels, named as they call themselves
//!                       DIR/initrd.cpio.gz      what all of them start
//! ```
//!
//! or `KENNEL_LINUX_INITRD=FILE` for an initrd that is elsewhere. Without the first, each question says
//! SKIP; with it, each prints a line for every kernel. `cargo test -p kennel-tests -- linux` asks
//! these alone.
//!
//! The initrd's `/init` obeys words of the kernel's command line and tells what it found in lines
//! that begin with `init: `:
//!
//! | word | what it does |
//! |---|---|
//! | `test=poweroff`, `test=reboot` | the checks, then that |
//! | `test=panic` | the checks, then it ends, which no init may |
//! | `ping=ADDRESS` | `ping -c 3` once it has an address by DHCP |
//!
//! | line | what it found |
//! |---|---|
//! | `hello from RELEASE` | a console |
//! | `vda read ok md5 SUM  -` | the first MiB of `/dev/vda` |
//! | `eth0 … inet addr:ADDRESS …` | an address; `ping` itself says how many packets were received |
//! | `hwrng HEX` | sixteen bytes of `/dev/hwrng` |
//! | `sleep 1: uptime FROM -> TO` | the timer, by the Guest's own clock |
//! | `fork/pipe ok`, `sort/md5 ok` | twenty forks and pipes; a sorted list |
//! | `KERNEL COMPLAINS: …` | an oops, a BUG or a WARNING in `dmesg` |
//! | `CHECKS DONE` | all were made |

use std::env;
use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use emulated::scratch::Scratch;
use emulated::{Bochs, Boot, Outcome, Qemu};

/// Sectors of the disk: as many as init reads.
const SECTORS: u32 = 2048;
/// Addresses the first two Guests on a network are given.
const ADDRESSES: [&str; 2] = ["10.77.0.8", "10.77.0.16"];
/// The longest a machine may take: some releases look for a keyboard controller for a second, and
/// count it by instructions.
const LIMIT: Duration = Duration::from_secs(900);
/// The kernel the strict machine boots, with a recent CPU, as many are not built for a Pentium, if it is there; otherwise the first.
const STRICT: &str = "3.11.10";
/// Words of a guest's line and of its kernel's that leave out what is not asked for.
const BARE: &str = "nonet nodisk";

/// Kernels and what they start.
struct Folder {
    kernels: Vec<Kernel>,
    initrd: PathBuf,
}

/// A kernel as it lies in the folder.
struct Kernel {
    name: String,
    image: PathBuf,
}

/// Why a kernel did not do what was asked.
type Verdict = Result<String, String>;

impl Folder {
    /// The folder a person named, if one was.
    fn named() -> Option<Self> {
        let folder = PathBuf::from(env::var_os("KENNEL_LINUX")?);
        let initrd =
            env::var_os("KENNEL_LINUX_INITRD").map_or_else(|| folder.join("initrd.cpio.gz"), PathBuf::from);
        let entries = fs::read_dir(&folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
        let mut kernels: Vec<Kernel> =
            entries.filter_map(|entry| Kernel::in_folder(&entry.ok()?.path())).collect();
        kernels.sort_by(|one, other| one.numbers().cmp(&other.numbers()).then(one.name.cmp(&other.name)));
        assert!(!kernels.is_empty(), "no <release>/bzImage in {}", folder.display());
        Some(Self { kernels, initrd })
    }

    /// As many Guests of `kernel` as there are `words`: those of a guest's line, and those of its
    /// kernel's.
    fn boot(&self, kernel: &Kernel, words: &[(&str, &str)]) -> Boot {
        words.iter().zip(["a", "b"]).fold(Boot::bare(), |boot, ((line, kernel_line), name)| {
            boot.with(
                &kernel.image,
                format!("guest name={name} mem=32M {line} -- console=hvc0 {kernel_line}"),
            )
            .with(&self.initrd, format!("initrd for={name}"))
        })
    }
}

impl Kernel {
    fn in_folder(folder: &Path) -> Option<Self> {
        let (name, image) = (folder.file_name()?.to_string_lossy().into_owned(), folder.join("bzImage"));
        image.is_file().then_some(Self { name, image })
    }

    /// The numbers of its release.
    fn numbers(&self) -> Vec<u32> {
        let numbers = self.name.split(['.', '-']).map_while(|number| number.parse().ok());
        numbers.collect()
    }

    /// Whether it came with a driver for `/dev/hwrng`, which 2.6.26 brought.
    fn has_entropy_driver(&self) -> bool {
        self.numbers() >= vec![2, 6, 26]
    }
}

/// Asks one question of every kernel; prints a line for each, and fails if one did.
fn ask(question: &str, answer: impl Fn(&Folder, &Kernel) -> Verdict) {
    ask_those(question, |_| true, answer);
}

/// The same of those that are `wanted`.
fn ask_those(question: &str, wanted: impl Fn(&Kernel) -> bool, answer: impl Fn(&Folder, &Kernel) -> Verdict) {
    let Some(folder) = Folder::named() else {
        return tell(format_args!("linux: SKIP {question}: KENNEL_LINUX names no folder of kernels"));
    };
    let asked = folder.kernels.iter().filter(|kernel| wanted(kernel));
    let failed = asked.filter(|kernel| {
        // A machine that falls silent ends a test by a panic; the other kernels are asked all the same.
        let verdict = catch_unwind(AssertUnwindSafe(|| answer(&folder, kernel)))
            .unwrap_or_else(|_| Err("fell silent; its log is kept with this test".into()));
        match &verdict {
            Ok(found) => tell(format_args!("linux: PASS {} {question}: {found}", kernel.name)),
            Err(why) => tell(format_args!("linux: FAIL {} {question}: {why}", kernel.name)),
        }
        verdict.is_err()
    });
    let failed: Vec<&str> = failed.map(|kernel| kernel.name.as_str()).collect();
    assert!(failed.is_empty(), "{question}: {failed:?}");
}

/// Says it now, past the harness, which keeps what a test prints until it fails. A line that
/// cannot be said is no reason to fail.
fn tell(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// A disk without two equal sectors, and its sum as `md5sum` writes it.
fn disk(scratch: &Scratch) -> (PathBuf, String) {
    let bytes: Vec<u8> = (0..SECTORS).flat_map(|sector| sector.to_le_bytes().repeat(128)).collect();
    let path = scratch.file("disk.img", bytes);
    let output = Command::new("md5sum").arg(&path).output().expect("md5sum starts");
    let said = String::from_utf8_lossy(&output.stdout);
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

/// What all checks say when they find nothing wrong, on a Guest with a disk and a network.
fn everything_works(outcome: &Outcome, kernel: &Kernel, sum: &str) -> Verdict {
    ended(outcome, 0)?;
    let read = format!("init: vda read ok md5 {sum}");
    let address = format!("inet addr:{}", ADDRESSES[0]);
    let received = "3 packets transmitted, 3 packets received";
    let words = ["init: hello from", &read, &address, received, "fork/pipe ok", "sort/md5 ok", "powered off"];
    has_all(outcome, &words)?;
    let random = outcome.log.lines().find_map(|line| line.strip_prefix("init: hwrng "));
    let has_random = random.is_some_and(|random| random.len() == 32 && random.contains(|digit| digit != '0'));
    if has_random != kernel.has_entropy_driver() {
        return Err(failure(outcome, &format!("random bytes: {random:?}")));
    }
    slept(outcome)?;
    let random = if has_random { "entropy" } else { "no driver for entropy" };
    Ok(format!("console, disk, network, {random}, timer, forks, power-off"))
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

fn all_devices(folder: &Folder, kernel: &Kernel, disk: &Path) -> Boot {
    let words = ("net=lan disk=d", "test=poweroff ping=10.77.0.1");
    folder.boot(kernel, &[words]).with(disk, "disk name=d")
}

#[test]
fn linux_finds_console_disk_network_and_entropy() {
    ask("devices", |folder, kernel| {
        let scratch = Scratch::new();
        let (disk, sum) = disk(&scratch);
        let outcome =
            Qemu::kernel(&all_devices(folder, kernel, &disk)).counted().limit(LIMIT).start().finish();
        everything_works(&outcome, kernel, &sum)
    });
}

#[test]
fn linux_restarts_in_fresh_memory() {
    ask("reboot", |folder, kernel| {
        let words = format!("test=reboot {BARE}");
        let mut session = Qemu::kernel(&folder.boot(kernel, &[("", &words)])).counted().limit(LIMIT).start();
        for life in ["first", "second", "third"] {
            let said = session.wait_for("guest a: restarting");
            let complaint = said.lines().find(|line| line.contains("KERNEL COMPLAINS"));
            if !said.contains("init: CHECKS DONE") || complaint.is_some() {
                return Err(format!("its {life} life: {complaint:?}\n{said}"));
            }
        }
        Ok("three lives".into())
    });
}

#[test]
fn linux_that_panics_is_killed_with_its_words() {
    ask("panic", |folder, kernel| {
        let words = format!("test=panic {BARE}");
        let outcome =
            Qemu::kernel(&folder.boot(kernel, &[("", &words)])).counted().limit(LIMIT).start().finish();
        ended(&outcome, 1)?;
        has_all(&outcome, &["guest a: panicked: Attempted to kill init!"])?;
        Ok("killed with its own words".into())
    });
}

#[test]
fn two_of_a_kind_reach_each_other() {
    ask("two at once", |folder, kernel| {
        let pings = ADDRESSES.map(|address| format!("test=poweroff ping={address}"));
        let words = [("net=lan", pings[1].as_str()), ("net=lan", pings[0].as_str())];
        let outcome = Qemu::kernel(&folder.boot(kernel, &words))
            .options(&["-m", "256"])
            .counted()
            .limit(LIMIT)
            .start()
            .finish();
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
    let is_there = Folder::named().is_some_and(|folder| folder.kernels.iter().any(|one| one.name == STRICT));
    let wanted = |kernel: &Kernel| !is_there || kernel.name == STRICT;
    ask_those("Bochs", wanted, |folder, kernel| {
        let scratch = Scratch::new();
        let (disk, sum) = disk(&scratch);
        let outcome = Bochs::grub(&all_devices(folder, kernel, &disk)).recent().start().finish();
        everything_works(&outcome, kernel, &sum)
    });
}
