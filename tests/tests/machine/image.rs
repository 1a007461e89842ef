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

#[test]
fn the_judge_of_instructions_knows_one_when_it_sees_it() {
    assert!(touches_guest_registers("  100000:\tmovaps %xmm0,(%eax)"));
    assert!(touches_guest_registers("  100000:\tfldl   (%eax)"));
    assert!(!touches_guest_registers("  100000:\tfxsave (%eax)"));
    assert!(!touches_guest_registers("  100000:\tmov    %fs,%eax"));
}
