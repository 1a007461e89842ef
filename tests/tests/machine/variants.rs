//! Every year's treaty, spoken by the same test Guests: one column of the ABI's matrix a module.
//!
//! [`crate::guests`] runs all of them in the words of 3.1 to 3.19. Here a part, chosen to touch all
//! that differs (registers, ring, offsets, tables, gates, the `iret`), runs in the words of each
//! other year. Each run must also end with the Host having found out by itself who was speaking.

use emulated::{Bochs, Boot, Outcome, Qemu, artefacts, verdict};

const A_EDX: &str = "Linux 2.6.25 to 2.6.29 (layout A)";
const A_EBX: &str = "Linux 2.6.30 (layout A)";
const B: &str = "Linux 2.6.31 to 3.0 (layout B)";
const C: &str = "Linux 3.1 to 3.19 (layout C)";
const D: &str = "Linux 4.0 to 4.13 (layout D)";

/// One way to speak.
struct Dialect {
    /// What the Guest is told, behind `speak=`.
    speak: &'static str,
    /// What the Host must be told, because nothing shows it.
    told: &'static str,
    /// What the Host must find.
    found: &'static str,
}

impl Dialect {
    const fn new(speak: &'static str, found: &'static str) -> Self {
        Self { speak, told: "", found }
    }

    /// The Host makes the first tables of these Guests and cannot know which kind they want.
    const fn told_pae(self) -> Self {
        Self { told: "pae=yes", ..self }
    }

    fn line(&self, name: &str) -> String {
        format!("guest name={name} mem=16M {} -- speak={}", self.told, self.speak)
    }

    fn boot(&self, guest: &str) -> Boot {
        Boot::bare().with(artefacts::guest(guest), self.line(guest))
    }

    #[track_caller]
    fn passes(&self, guest: &str, outcome: &Outcome) {
        if let Err(fault) = verdict::judge(outcome, guest) {
            panic!("{fault}\n--- serial line ---\n{}", outcome.log);
        }
        assert!(!outcome.log.contains("test: SKIP"), "nothing was tested:\n{}", outcome.log);
        self.is_found(guest, outcome);
    }

    #[track_caller]
    fn is_found(&self, name: &str, outcome: &Outcome) {
        let found = outcome.guest_lines(name).find_map(|line| line.strip_prefix("speaks the ABI of "));
        assert_eq!(found, Some(self.found), "{}", outcome.log);
    }
}

macro_rules! guests_in_qemu {
    ($($guest:ident)*) => {$(
        #[test]
        fn $guest() {
            let guest = stringify!($guest);
            DIALECT.passes(guest, &Qemu::kernel(&DIALECT.boot(guest)).start().finish());
        }
    )*};
}

/// A module for one dialect: the Guests that each must pass, and some more.
macro_rules! year {
    ($year:ident: $dialect:expr; $($guest:ident)*) => {
        mod $year {
            use super::*;

            pub const DIALECT: Dialect = $dialect;

            guests_in_qemu! {
                accessed_and_dirty directory_entry halt_wakes handled_page_fault hello interrupt_flag
                iret_not_interrupted iret_under_a_storm kernel_half_shared kill_gdt_length
                kill_unknown_call_queued lazy_order many_spaces ring_full stale_translations
                system_call_reflected thread_local_storage timer_cancelled timer_one_shot timer_rearmed
                user_interrupted vmcall_and_ud2 $($guest)*
            }

            #[test]
            fn hello_in_bochs() {
                DIALECT.passes("hello", &Bochs::grub(&DIALECT.boot("hello")).start().finish());
            }
        }
    };
}

year! { v2_6_29: Dialect::new("2.6.29", A_EDX); boot_tables direct_system_call kill_middle_entry_without_pae }
year! { v2_6_30: Dialect::new("2.6.30", A_EBX); boot_tables direct_system_call }
year! { v2_6_33: Dialect::new("3.0,vmcall", B); boot_tables direct_system_call }
year! { v3_0: Dialect::new("3.0,one-vmcall", B); boot_tables direct_system_call kill_middle_entry_without_pae }
year! { v3_0_pae: Dialect::new("3.0,one-vmcall,pae", B).told_pae();
boot_tables direct_system_call kill_page_beyond_4_gib }
year! { v3_19_pae: Dialect::new("3.19,pae", C);
direct_system_call kill_page_announced_beyond_4_gib kill_page_beyond_4_gib kill_pointer_flags }
year! { v4_5: Dialect::new("4.13,trap-gate", D); direct_system_call }
year! { v4_13: Dialect::new("4.13", D); kill_middle_entry_without_pae }
year! { v4_13_pae: Dialect::new("4.13,pae", D); kill_page_announced_beyond_4_gib kill_page_beyond_4_gib }

/// Who says nothing.
const TODAY: Dialect = Dialect::new("3.19", C);

#[test]
fn all_years_run_side_by_side() {
    let years = [
        ("a", v2_6_29::DIALECT),
        ("b", v2_6_30::DIALECT),
        ("c", v2_6_33::DIALECT),
        ("d", v3_0::DIALECT),
        ("e", v3_0_pae::DIALECT),
        ("f", TODAY),
        ("g", v3_19_pae::DIALECT),
        ("h", v4_5::DIALECT),
        ("i", v4_13_pae::DIALECT),
    ];
    let boot = years.iter().fold(Boot::bare(), |boot, (name, dialect)| {
        boot.with(artefacts::guest("many_spaces"), dialect.line(name))
    });
    let outcome = Qemu::kernel(&boot).options(&["-m", "512"]).start().finish();
    assert_eq!(outcome.agreed_exit_code(), 0);
    let passed = outcome.log.lines().filter(|line| *line == "test: PASS many_spaces").count();
    assert_eq!(passed, years.len(), "{}", outcome.log);
    years.iter().for_each(|(name, dialect)| dialect.is_found(name, &outcome));
}

#[test]
fn a_host_without_pae_runs_guests_with_it() {
    let dialect = v3_19_pae::DIALECT;
    let outcome = Qemu::kernel(&dialect.boot("many_spaces")).options(&["-cpu", "pentium"]).start().finish();
    dialect.passes("many_spaces", &outcome);
}

#[test]
fn the_first_tables_lie_below_an_initrd() {
    for dialect in [v3_0::DIALECT, v3_0_pae::DIALECT] {
        let boot = dialect.boot("boot_tables").with(artefacts::host(), "initrd for=boot_tables");
        dialect.passes("boot_tables", &Qemu::kernel(&boot).start().finish());
    }
}

#[test]
fn what_the_host_is_told_it_need_not_find_out() {
    for dialect in [v2_6_29::DIALECT, v3_0::DIALECT, TODAY, v4_13::DIALECT] {
        let word = dialect.speak.split(',').next().unwrap_or_default();
        let line = format!("guest name=hello mem=16M abi={word} -- speak={}", dialect.speak);
        let boot = Boot::bare().with(artefacts::guest("hello"), line);
        dialect.passes("hello", &Qemu::kernel(&boot).start().finish());
    }
}

#[test]
fn a_word_nobody_speaks_is_no_guest() {
    let boot = Boot::guest("hello", "speak=2.4");
    let outcome = Qemu::kernel(&boot).start().finish();
    assert!(outcome.killed("hello").is_some_and(|words| words.contains("#UD")), "{}", outcome.log);
}
