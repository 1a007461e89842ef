//! The five memory functions a compiler takes for granted.
//!
//! The Host and every Guest run without a C library, yet the compiler may turn
//! any copy into a call of `memcpy`. i386 has instructions for just that, so
//! each function is a `rep` and a line of thought about the direction. Dwords
//! first, bytes for the rest: a counted instruction moves four times as much.
//!
//! Invariants:
//! - No function calls another by way of a loop the compiler might "improve"
//!   into itself: the loops are assembly, or compare with volatile reads.
//! - ESI is swapped in and out: the compiler keeps it to itself, so it cannot
//!   be an operand.
//!
//! Source: C17 7.24; Intel SDM Vol. 2, "REP/REPE/REPZ/REPNE/REPNZ".
//!
//! Next on the tour: the Host's boot.
#![cfg_attr(not(test), no_std)]
#![cfg(target_arch = "x86")]

use core::arch::asm;

/// Copies `len` bytes from `from` to `to`, which do not overlap.
///
/// # Safety
/// 1. `from` is readable and `to` writable for `len` bytes; 2. they do not overlap.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    // SAFETY: (1) and (2) are this function's own contract; DF is clear by the calling convention.
    unsafe {
        asm!("xchg esi, eax", "rep movsd", "mov ecx, edx", "rep movsb", "xchg esi, eax",
            inout("eax") from => _, in("edx") len % 4,
            inout("ecx") len / 4 => _, inout("edi") to => _, options(preserves_flags));
    }
    to
}

/// Copies `len` bytes from `from` to `to`, which may overlap.
///
/// # Safety
/// `from` is readable and `to` writable for `len` bytes.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    if (to as usize).wrapping_sub(from as usize) >= len {
        // A forward copy reads each byte before it overwrites it. SAFETY: the contract; only the
        // direction matters to `rep movs`, and it is right.
        return unsafe { memcpy(to, from, len) };
    }
    // SAFETY: the contract; DF is set for the copy only.
    unsafe {
        asm!("xchg esi, eax", "std", "rep movsb", "cld", "xchg esi, eax",
            inout("eax") from.wrapping_add(len).wrapping_sub(1) => _,
            inout("ecx") len => _, inout("edi") to.wrapping_add(len).wrapping_sub(1) => _);
    }
    to
}

/// Sets `len` bytes at `to` to the low byte of `value`.
///
/// # Safety
/// `to` is writable for `len` bytes.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn memset(to: *mut u8, value: i32, len: usize) -> *mut u8 {
    let dword = u32::from(value as u8) * 0x0101_0101;
    // SAFETY: the contract; DF is clear by the calling convention.
    unsafe {
        asm!("rep stosd", "mov ecx, edx", "rep stosb",
            in("edx") len % 4, in("eax") dword,
            inout("ecx") len / 4 => _, inout("edi") to => _, options(preserves_flags));
    }
    to
}

/// Compares `len` bytes: negative, zero or positive as the first difference says.
///
/// # Safety
/// Both are readable for `len` bytes.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, len: usize) -> i32 {
    for index in 0..len {
        // SAFETY: the contract, `index` is below `len`. Volatile, lest the loop become a memcmp.
        let (a, b) = unsafe { (left.add(index).read_volatile(), right.add(index).read_volatile()) };
        if a != b {
            return i32::from(a) - i32::from(b);
        }
    }
    0
}

/// Compares `len` bytes: zero if they are equal.
///
/// # Safety
/// Both are readable for `len` bytes.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, len: usize) -> i32 {
    // SAFETY: the same contract.
    unsafe { memcmp(left, right, len) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_any_length_is_exact() {
        let from: Vec<u8> = (0..40).collect();
        for len in 0..from.len() {
            let mut to = [0xEE; 41];
            // SAFETY: both are longer than `len` and distinct.
            unsafe { memcpy(to.as_mut_ptr(), from.as_ptr(), len) };
            assert_eq!(&to[..len], &from[..len]);
            assert!(to[len..].iter().all(|&byte| byte == 0xEE));
        }
    }

    #[test]
    fn overlapping_moves_keep_every_byte() {
        for shift in 0..9_usize {
            let mut up: Vec<u8> = (0..32).collect();
            let mut down = up.clone();
            // SAFETY: 20 + 8 bytes lie within 32.
            unsafe { memmove(up.as_mut_ptr().add(shift), up.as_ptr(), 20) };
            // SAFETY: as before.
            unsafe { memmove(down.as_mut_ptr(), down.as_ptr().add(shift), 20) };
            assert_eq!(up[shift..shift + 20], (0..20).collect::<Vec<u8>>());
            assert_eq!(down[..20], (shift as u8..shift as u8 + 20).collect::<Vec<u8>>());
        }
    }

    #[test]
    fn setting_stops_where_it_should() {
        let mut to = [1_u8; 16];
        // SAFETY: 13 of 16 bytes.
        unsafe { memset(to.as_mut_ptr(), 0x1AB, 13) };
        assert_eq!((&to[..13], &to[13..]), (&[0xAB; 13][..], &[1; 3][..]));
    }

    #[test]
    fn comparison_is_unsigned_and_stops_at_the_first_difference() {
        let (low, high) = ([1, 2, 0x7F, 9], [1, 2, 0x80, 0]);
        // SAFETY: four bytes each.
        unsafe {
            assert!(memcmp(low.as_ptr(), high.as_ptr(), 4) < 0);
            assert!(memcmp(high.as_ptr(), low.as_ptr(), 4) > 0);
            assert_eq!(bcmp(low.as_ptr(), high.as_ptr(), 2), 0);
        }
    }
}
