//! The ABI's constants for Guests in C: what `guest/c/kennel.h` has between two marks.
//!
//! Values come from the crate `abi`, explanations from the comments in its source. `LG_` goes before
//! each name, as C has one space of names for all; what begins with `LHCALL_` stays as it is.
//!
//! Invariants:
//! - The file is what is generated (`the_header_says_what_the_abi_says`).
//! - No constant of the four files is left out (`every_constant_of_the_abi_is_in_the_header`).
//!
//! Next on the tour: `guest/c/kennel.h`.

use std::fs;
use std::mem::{offset_of, size_of};
use std::path::PathBuf;

use abi::lguest_data::LguestData;

use crate::artefacts::root;

/// The lines around what is generated.
const BEGIN: &str =
    "/* Generated from abi/src by `cargo run -p kennel-tests --bin c_header`: do not edit. */\n";
const END: &str = "/* The end of what is generated. */\n";

/// Longest line of the header.
const LINE_MAX: usize = 110;

/// A part of the ABI: the source with its explanations, and names with values.
struct Part {
    title: &'static str,
    source: &'static str,
    rows: Vec<(&'static str, u32)>,
}

/// A [`Part`] of constants, all of one module.
macro_rules! constants {
    ($title:literal, $module:ident: $($name:ident)*) => {
        Part {
            title: $title,
            source: include_str!(concat!("../../abi/src/", stringify!($module), ".rs")),
            rows: vec![$((stringify!($name), abi::$module::$name as u32)),*],
        }
    };
}

/// Where the fields of layout C lie that moved over the years; the first four are constants.
macro_rules! fields {
    ($($field:ident)*) => {
        Part {
            title: "struct lguest_data, as from 3.1 to 3.19: offsets of its further fields, and its size",
            source: include_str!("../../abi/src/lguest_data.rs"),
            rows: vec![
                $((stringify!($field), offset_of!(LguestData, $field) as u32),)*
                ("LGUEST_DATA_SIZE", size_of::<LguestData>() as u32),
            ],
        }
    };
}

fn parts() -> [Part; 5] {
    [
        constants!("Hypercalls", hypercall:
            HYPERCALL_VECTOR FIRST_IRQ_VECTOR IRQ_LINES SYSCALL_VECTOR
            LHCALL_FLUSH_ASYNC LHCALL_LGUEST_INIT LHCALL_SHUTDOWN LHCALL_LOAD_GDT LHCALL_NEW_PGTABLE
            LHCALL_FLUSH_TLB LHCALL_LOAD_IDT_ENTRY LHCALL_SET_STACK LHCALL_TS LHCALL_SET_CLOCKEVENT
            LHCALL_HALT LHCALL_SET_PMD LHCALL_SET_PTE LHCALL_SET_PGD LHCALL_LOAD_TLS LHCALL_NOTIFY
            LHCALL_LOAD_GDT_ENTRY LHCALL_SEND_INTERRUPTS SHUTDOWN_POWEROFF SHUTDOWN_RESTART),
        constants!("What Guest and Host share", lguest_data:
            IF RING_ENTRIES RING_FREE RING_READY RESERVED_TOP SWITCHER_BASE
            IRQ_ENABLED BLOCKED_INTERRUPTS CR2 TIME),
        fields!(irq_pending hcall_status hcalls reserve_mem tsc_khz noirq_start noirq_end
            kernel_address syscall_vec),
        constants!("Boot parameters, at physical 0", boot_params:
            COMMAND_LINE_AT COMMAND_LINE_MAX E820_ENTRIES SETUP_HEADER SETUP_HEADER_END PROTOCOL_VERSION
            TYPE_OF_LOADER LOADFLAGS RAMDISK_IMAGE RAMDISK_SIZE CMD_LINE_PTR KERNEL_ALIGNMENT
            HARDWARE_SUBARCH E820_MAP PROTOCOL_2_07 KEEP_SEGMENTS SUBARCH_LGUEST E820_RAM
            DEFAULT_ALIGNMENT),
        constants!("The device page, right above memory, and virtqueues", device_page:
            DEVICE_PAGES HEADER_LEN QUEUE_LEN STATUS TYPE_END TYPE_NET TYPE_BLOCK TYPE_CONSOLE TYPE_RNG
            STATUS_ACKNOWLEDGE STATUS_DRIVER STATUS_DRIVER_OK STATUS_FAILED QUEUE_ENTRIES RING_ALIGNMENT
            DESC_NEXT DESC_WRITE DESC_INDIRECT AVAIL_NO_INTERRUPT USED_NO_NOTIFY),
    ]
}

impl Part {
    /// The part as lines of C.
    fn lines(&self) -> String {
        let rows = self.rows.iter().map(|row| self.row(row));
        format!("\n/* {} */\n\n{}", self.title, rows.collect::<String>())
    }

    /// One definition and what the source says about it, behind it or, if that is too long, above.
    /// Written in hexadecimal where the source does, and where it is large.
    fn row(&self, &(name, value): &(&str, u32)) -> String {
        let upper = name.to_uppercase();
        let name_in_c = if name.starts_with("LHCALL_") { upper } else { format!("LG_{upper}") };
        let is_hexadecimal = self.is_hexadecimal(name) || value > 0xFFFF;
        let value = if is_hexadecimal { format!("{value:#x}") } else { value.to_string() };
        let line = format!("#define {name_in_c} {value}");
        match self.explained(name).map(|text| format!("/* {text} */")) {
            None => format!("{line}\n"),
            Some(text) if line.len() + text.len() < LINE_MAX => format!("{line} {text}\n"),
            Some(text) => format!("{text}\n{line}\n"),
        }
    }

    fn is_hexadecimal(&self, name: &str) -> bool {
        let start = format!("pub const {name}: ");
        let line = self.source.lines().find(|line| line.starts_with(&start));
        line.is_some_and(|line| line.contains("= 0x"))
    }

    /// What the comment above a constant or a field says, without the marks of links.
    fn explained(&self, name: &str) -> Option<String> {
        let lines: Vec<_> = self.source.lines().map(str::trim_start).collect();
        let is_it = |line: &&str| {
            let rest = line.strip_prefix("pub const ").or_else(|| line.strip_prefix("pub "));
            rest.and_then(|rest| rest.strip_prefix(name)).is_some_and(|rest| rest.starts_with(':'))
        };
        let at = lines.iter().position(is_it)?;
        let comment = lines[..at].rsplit(|line| !line.starts_with("///")).next()?;
        let text = comment.iter().map(|line| line.trim_start_matches("///").trim());
        let text = text.collect::<Vec<_>>().join(" ").replace(['[', ']', '`'], "");
        Some(text.replace("(crate::lguest_data)", "").replace("crate::hypercall::", ""))
    }
}

/// Where the header is.
pub fn path() -> PathBuf {
    root().join("guest/c/kennel.h")
}

/// The header with what lies between the two marks generated again; `None` if it lacks one.
pub fn generated() -> Option<String> {
    let old = fs::read_to_string(path()).ok()?;
    let (before, rest) = old.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    let page_size = format!("\n/* Bytes in a page. */\n#define LG_PAGE_SIZE {}\n", abi::PAGE_SIZE);
    let rows: String = parts().iter().map(Part::lines).collect();
    Some(format!("{before}{BEGIN}{page_size}{rows}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_says_what_the_abi_says() {
        let is = fs::read_to_string(path()).expect("there is a header");
        let ought = generated().expect("the header has both marks");
        assert_eq!(is, ought, "please run: cargo run -p kennel-tests --bin c_header");
    }

    #[test]
    fn every_constant_of_the_abi_is_in_the_header() {
        let all = parts();
        for part in &all {
            let constants = part.source.lines().filter_map(|line| line.strip_prefix("pub const "));
            let constants = constants.filter(|line| !line.starts_with("fn "));
            let is_number =
                |kind: &str| ["u8", "u16", "u32", "usize"].iter().any(|each| kind.starts_with(each));
            let numbers =
                constants.filter_map(|line| line.split_once(": ")).filter(|(_, kind)| is_number(kind));
            for (name, _) in numbers {
                let of_this_file = all.iter().filter(|other| other.source == part.source);
                let mut rows = of_this_file.flat_map(|other| &other.rows);
                assert!(rows.any(|row| row.0 == name), "{name} is missing");
            }
        }
    }

    #[test]
    fn an_explanation_is_the_comment_above() {
        let [calls, ..] = parts();
        let init = "First call of all: physical address of the lguest_data.";
        assert_eq!(calls.explained("LHCALL_LGUEST_INIT").as_deref(), Some(init));
        assert_eq!(
            calls.row(&("SHUTDOWN_RESTART", 2)),
            "#define LG_SHUTDOWN_RESTART 2 /* LHCALL_SHUTDOWN: start again. */\n"
        );
    }
}
