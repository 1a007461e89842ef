//! What the Host's image may hold.

use std::process::Command;

use emulated::artefacts;

/// Functions that hold FPU or SSE state of a *Guest* and so must name those registers.
const STATE_KEEPERS: [&str; 0] = [];

/// The Host's instructions.
fn listing() -> String {
    let output =
        Command::new("objdump").args(["-d", "--no-show-raw-insn"]).arg(artefacts::host()).output().unwrap();
    let listing = String::from_utf8(output.stdout).unwrap();
    assert!(listing.contains("<_start") || listing.lines().count() > 1000, "objdump listed no program");
    listing
}

#[test]
fn a_state_is_never_loaded_over_anothers_pointers() {
    let listing = listing();
    let lines: Vec<&str> = listing.lines().collect();
    let loads = lines.windows(2).filter(|pair| pair[1].contains("\tfxrstor"));
    let cleared: Vec<bool> = loads.map(|pair| pair[0].ends_with("\tfninit")).collect();
    assert!(!cleared.is_empty() && cleared.iter().all(|&is_cleared| is_cleared), "{cleared:?}");
}

#[test]
fn the_host_computes_without_fpu_mmx_and_sse() {
    let listing = listing();
    let mut function = "";
    let mut found = Vec::new();
    for line in listing.lines() {
        if let Some(name) = line.strip_suffix(">:").and_then(|line| line.split_once('<')) {
            function = name.1;
        }
        if touches_guest_registers(line) && !STATE_KEEPERS.iter().any(|keeper| function.contains(keeper)) {
            found.push(format!("{function}: {line}"));
        }
    }
    assert!(found.is_empty(), "the Host would spoil a Guest's registers:\n{}", found.join("\n"));
}

/// Whether a line of the listing uses a register that belongs to the Guest's arithmetic.
fn touches_guest_registers(line: &str) -> bool {
    let Some((_, instruction)) = line.split_once(":\t") else { return false };
    let mnemonic = instruction.split_whitespace().next().unwrap_or_default();
    // Saving, restoring and initialising a Guest's state is what the Host is for.
    let keeps_state =
        matches!(mnemonic, "fxsave" | "fxrstor" | "fnsave" | "frstor" | "fninit" | "fnclex" | "fwait");
    let x87 = mnemonic.starts_with('f') && !keeps_state;
    x87 || ["%xmm", "%mm", "%st"].iter().any(|register| instruction.contains(register))
}

/// Bytes by which each function lowers ESP in all, which is its frame or a little more.
fn frames(listing: &str) -> Vec<(&str, u32)> {
    let mut frames = Vec::new();
    for line in listing.lines() {
        if let Some(name) = line.strip_suffix(">:").and_then(|line| line.split_once('<')) {
            frames.push((name.1, 0));
        }
        let lowered = line.split_once("sub    $0x").and_then(|(_, rest)| rest.strip_suffix(",%esp"));
        let bytes = lowered.and_then(|bytes| u32::from_str_radix(bytes, 16).ok());
        if let Some((frame, bytes)) = frames.last_mut().zip(bytes) {
            frame.1 += bytes;
        }
    }
    frames
}

/// The room on the boot stack is 64 KiB. What prepares the machine moves whole pages through it; if
/// that becomes part of a function which never returns, little is left for those that run Guests.
#[test]
fn what_never_returns_leaves_the_stack_to_others() {
    let listing = listing();
    let frames = frames(&listing);
    let largest = |of: &str| {
        let frames = frames.iter().filter(|(name, _)| name.contains(of)).map(|&(_, bytes)| bytes);
        frames.max().unwrap_or_else(|| panic!("no function {of}"))
    };
    let stays = largest("kennel4host17h") + largest("kennel3run17h");
    assert!((1..20 << 10).contains(&stays), "{stays} bytes of host() and run()");
    assert!(
        frames.iter().all(|&(_, bytes)| bytes < 40 << 10),
        "{:?}",
        frames.iter().max_by_key(|each| each.1)
    );
}

#[test]
fn the_judge_of_frames_adds_up() {
    let listing = "00100000 <f>:\n  100000:\tsub    $0x1000,%esp\n  100006:\tsub    $0x1c,%esp\n00100010 <g>:\n  100010:\tret";
    assert_eq!(frames(listing), [("f", 0x101C), ("g", 0)]);
}

#[test]
fn the_judge_of_instructions_knows_one_when_it_sees_it() {
    assert!(touches_guest_registers("  100000:\tmovaps %xmm0,(%eax)"));
    assert!(touches_guest_registers("  100000:\tfldl   (%eax)"));
    assert!(!touches_guest_registers("  100000:\tfxsave (%eax)"));
    assert!(!touches_guest_registers("  100000:\tmov    %fs,%eax"));
}
