//! What things cost, and that counting them twice gives the same.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::scripts::script;

/// The rows the project promises, whatever they cost.
const PROMISED: [&str; 46] = [
    "null-hypercall",
    "reflected-fault",
    "demand-fault",
    "direct-syscall",
    "timer-interrupt",
    "pgtable-switch",
    "set-pte",
    "set-pte-batched",
    "switch-2-spaces",
    "switch-8-spaces",
    "switch-32-spaces",
    "fork-like",
    "mprotect-like",
    "kernel-set-pte-1-root",
    "kernel-set-pte-32-roots",
    "interrupt-delivery",
    "kick",
    "pci-kick",
    "pci-register-read",
    "block-read-4k",
    "block-write-4k",
    "block-read-4k-batched",
    "block-read-64k",
    "block-write-64k",
    "block-read-64k-per-kib",
    "block-write-64k-per-kib",
    "entropy-per-kib",
    "native-reflected-fault",
    "native-demand-fault",
    "native-direct-syscall",
    "native-timer-interrupt",
    "native-pgtable-switch",
    "native-set-pte",
    "native-switch-2-spaces",
    "native-switch-32-spaces",
    "native-fork-like",
    "native-mprotect-like",
    "net-guest-to-guest-64",
    "net-guest-to-guest-1500",
    "net-large-guest-to-guest-per-kib",
    "net-guest-to-gateway-64",
    "net-guest-to-gateway-1500",
    "net-large-guest-to-gateway-per-kib",
    "console-per-kib",
    "host-image-bytes",
    "host-memory-bytes",
];

pub type Rows = BTreeMap<String, f64>;

/// The first run, which all tests here share.
static ROWS: LazyLock<Option<Rows>> = LazyLock::new(bench);

/// Runs `scripts/bench` and reads its rows.
fn bench() -> Option<Rows> {
    let output = script("bench", &[], "");
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        println!("{said}\n{}", String::from_utf8_lossy(&output.stderr));
        return None;
    }
    said.lines().map(|line| Some((row_name(line)?, line.rsplit(' ').next()?.parse().ok()?))).collect()
}

fn row_name(line: &str) -> Option<String> {
    Some(line.strip_prefix("bench ")?.split(' ').next()?.into())
}

pub fn rows() -> &'static Rows {
    ROWS.as_ref().expect("scripts/bench prints rows and nothing else")
}

#[test]
fn every_promised_row_is_there() {
    for name in PROMISED {
        assert!(rows().contains_key(name), "{name} is missing among {:?}", rows().keys());
    }
}

#[test]
fn a_second_run_counts_the_same() {
    assert_eq!(bench().as_ref(), Some(rows()));
}

#[test]
fn a_null_hypercall_costs_at_most_300_instructions() {
    assert!((1.0..=300.0).contains(&rows()["null-hypercall"]), "{:?}", rows());
}

#[test]
fn a_direct_system_call_costs_no_more_than_natively() {
    assert!(rows()["direct-syscall"] <= rows()["native-direct-syscall"], "{:?}", rows());
}

/// The kernel half is shared: thirty-two spaces cost no more than one.
#[test]
fn a_kernel_entry_costs_the_same_however_many_roots_there_are() {
    let (one, many) = (rows()["kernel-set-pte-1-root"], rows()["kernel-set-pte-32-roots"]);
    assert!((one - many).abs() <= 5.0, "{:?}", rows());
}

/// Coming back to a space the Host remembers fills nothing in again: sixteen demand faults would
/// cost thousands.
#[test]
fn a_warm_switch_fills_nothing_in_again() {
    for spaces in ["switch-2-spaces", "switch-8-spaces", "switch-32-spaces"] {
        assert!(rows()[spaces] <= 600.0, "{:?}", rows());
    }
}

#[test]
fn a_full_packet_from_guest_to_guest_costs_at_most_8000_instructions() {
    assert!((1.0..=8000.0).contains(&rows()["net-guest-to-guest-1500"]), "{:?}", rows());
}

#[test]
fn a_disk_request_of_64_kib_costs_at_most_60_000_instructions() {
    for row in ["block-read-64k", "block-write-64k"] {
        assert!((16_384.0..=60_000.0).contains(&rows()[row]), "{:?}", rows());
    }
}

#[test]
fn the_host_keeps_to_640_kib_of_image_and_2_mib_of_memory() {
    assert!(rows()["host-image-bytes"] <= f64::from(640 << 10), "{:?}", rows());
    assert!(rows()["host-memory-bytes"] <= f64::from(2 << 20), "{:?}", rows());
}
