//! The beginning of a core file: headers and notes.
//!
//! ```text
//!  ELF header | PT_NOTE, PT_LOAD ... | notes: CORE prstatus, CORE prpsinfo, Kennel sentence | pages
//! ```
//!
//! Next on the tour: [`crate::sched`].

use alloc::vec::Vec;

use abi::PAGE_SIZE;
use switcher::GuestRegs;

use super::survey::Run;

const ELF_LEN: u32 = 52;
const PROGRAM_LEN: u32 = 32;
const PT_LOAD: u32 = 1;
const PT_NOTE: u32 = 4;
/// Readable, writable, executable: rights are the Guest's affair.
const RWX: u32 = 7;
/// Note types of the owner `CORE`.
const PRSTATUS: u32 = 1;
const PRPSINFO: u32 = 3;
/// Note type of the owner `Kennel`: what the Guest died of, in words.
const SENTENCE: u32 = u32::from_be_bytes(*b"Kenn");
/// What a debugger shows as the end of it: killed.
const SIGKILL: u32 = 9;
/// Bytes of a process's name and of its command line.
const NAME_LEN: usize = 16;
const ARGS_LEN: usize = 80;

/// All that comes before the first page of `runs`, up to a whole number of pages.
pub fn bytes(regs: &GuestRegs, name: &str, sentence: &str, runs: &[Run]) -> Vec<u8> {
    let notes = notes(regs, name, sentence);
    let notes_at = ELF_LEN + PROGRAM_LEN * (1 + runs.len() as u32);
    let head_len = (notes_at + notes.len() as u32).next_multiple_of(PAGE_SIZE);
    let mut bytes = Vec::with_capacity(head_len as usize);
    bytes.extend([0x7F, b'E', b'L', b'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    // ET_CORE, EM_386, version; no entry point, program headers, no sections, no flags.
    halves(&mut bytes, &[4, 3]);
    words(&mut bytes, &[1, 0, ELF_LEN, 0, 0]);
    halves(&mut bytes, &[ELF_LEN as u16, PROGRAM_LEN as u16, 1 + runs.len() as u16, 0, 0, 0]);
    words(&mut bytes, &[PT_NOTE, notes_at, 0, 0, notes.len() as u32, 0, 0, 4]);
    let mut place = head_len;
    for run in runs {
        let (kept, all) = (run.content * PAGE_SIZE, (run.content + run.zeroes).saturating_mul(PAGE_SIZE));
        words(&mut bytes, &[PT_LOAD, place, run.at, 0, kept, all, RWX, PAGE_SIZE]);
        place = place.saturating_add(kept);
    }
    bytes.extend(notes);
    bytes.resize(head_len as usize, 0);
    bytes
}

fn notes(regs: &GuestRegs, name: &str, sentence: &str) -> Vec<u8> {
    let mut notes = Vec::new();
    note(&mut notes, b"CORE\0", PRPSINFO, &process(name, sentence));
    note(&mut notes, b"CORE\0", PRSTATUS, &status(regs));
    note(&mut notes, b"Kennel\0", SENTENCE, sentence.as_bytes());
    notes
}

fn note(into: &mut Vec<u8>, owner: &[u8], kind: u32, content: &[u8]) {
    words(into, &[owner.len() as u32, content.len() as u32, kind]);
    for part in [owner, content] {
        into.extend(part);
        into.resize(into.len().next_multiple_of(4), 0);
    }
}

/// `elf_prstatus`: signal and process numbers, times, registers.
fn status(regs: &GuestRegs) -> Vec<u8> {
    let mut status = Vec::with_capacity(144);
    // si_signo, si_code, si_errno; cursig; pending, held.
    words(&mut status, &[SIGKILL, 0, 0, SIGKILL, 0, 0]);
    // The process is number 1, its own parent, group and session; no times.
    words(&mut status, &[1; 4]);
    words(&mut status, &[0; 8]);
    let [ds, es, fs, gs, cs, ss] = [regs.ds, regs.es, regs.fs, regs.gs, regs.cs, regs.ss].map(|s| s & 0xFFFF);
    words(&mut status, &[regs.ebx, regs.ecx, regs.edx, regs.esi, regs.edi, regs.ebp, regs.eax]);
    // In the middle: the number of a system call, of which there was none.
    words(&mut status, &[ds, es, fs, gs, u32::MAX, regs.eip, cs, regs.eflags, regs.esp, ss]);
    // The FPU's state is not here.
    words(&mut status, &[0]);
    status
}

/// `elf_prpsinfo`: what it was called, and, as its command line, what it died of.
fn process(name: &str, sentence: &str) -> Vec<u8> {
    let mut process = Vec::with_capacity(124);
    // State, nice and flags; user and group; process numbers.
    words(&mut process, &[0, 0, 0, 1, 1, 1, 1]);
    text(&mut process, &[name], NAME_LEN);
    text(&mut process, &["guest ", name, ": ", sentence], ARGS_LEN);
    process
}

/// Text in a field of `len` bytes, ended by a zero.
fn text(into: &mut Vec<u8>, parts: &[&str], len: usize) {
    let end = into.len() + len;
    into.extend(parts.iter().flat_map(|part| part.bytes()).take(len - 1));
    into.resize(end, 0);
}

fn words(into: &mut Vec<u8>, words: &[u32]) {
    into.extend(words.iter().flat_map(|word| word.to_le_bytes()));
}

fn halves(into: &mut Vec<u8>, halves: &[u16]) {
    into.extend(halves.iter().flat_map(|half| half.to_le_bytes()));
}
