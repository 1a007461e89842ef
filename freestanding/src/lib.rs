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
//! - EDI and ESI are the caller's, by the calling convention, and kept for it; the direction flag is
//!   clear before and after.
//! - None is inlined: a comparison in each place where there is one would be long.
//!
//! Source: C17 7.24; Intel SDM Vol. 2, "REP/REPE/REPZ/REPNE/REPNZ".
//!
//! Next on the tour: the Host's boot.
#![cfg_attr(not(test), no_std)]
#![cfg(target_arch = "x86")]

use core::arch::naked_asm;

/// Copies `len` bytes from `from` to `to`, which do not overlap.
///
/// # Safety
/// 1. `from` is readable and `to` writable for `len` bytes; 2. they do not overlap.
#[cfg_attr(not(test), unsafe(no_mangle))]
#[unsafe(naked)]
pub unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    naked_asm!(
        "push edi",
        "mov edx, esi",
        "mov edi, [esp + 8]",
        "mov esi, [esp + 12]",
        "mov ecx, [esp + 16]",
        "mov eax, edi",
        "shr ecx, 2",
        "rep movsd",
        "mov ecx, [esp + 16]",
        "and ecx, 3",
        "rep movsb",
        "mov esi, edx",
        "pop edi",
        "ret"
    )
}

/// Copies `len` bytes from `from` to `to`, which may overlap. A forward copy reads each byte before it
/// overwrites it, unless `to` begins within `from`.
///
/// # Safety
/// `from` is readable and `to` writable for `len` bytes.
#[cfg_attr(not(test), unsafe(no_mangle))]
#[unsafe(naked)]
pub unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    naked_asm!(
        "mov ecx, [esp + 12]",
        "mov eax, [esp + 4]",
        "sub eax, [esp + 8]",
        "cmp eax, ecx",
        "jae {memcpy}",
        "push edi",
        "mov edx, esi",
        "mov eax, [esp + 8]",
        "mov esi, [esp + 12]",
        "lea edi, [eax + ecx - 1]",
        "lea esi, [esi + ecx - 1]",
        "std",
        "rep movsb",
        "cld",
        "mov esi, edx",
        "pop edi",
        "ret",
        memcpy = sym memcpy
    )
}

/// Sets `len` bytes at `to` to the low byte of `value`.
///
/// # Safety
/// `to` is writable for `len` bytes.
#[cfg_attr(not(test), unsafe(no_mangle))]
#[unsafe(naked)]
pub unsafe extern "C" fn memset(to: *mut u8, value: i32, len: usize) -> *mut u8 {
    naked_asm!(
        "push edi",
        "mov edi, [esp + 8]",
        "movzx eax, byte ptr [esp + 12]",
        "imul eax, eax, 0x01010101",
        "mov ecx, [esp + 16]",
        "shr ecx, 2",
        "rep stosd",
        "mov ecx, [esp + 16]",
        "and ecx, 3",
        "rep stosb",
        "mov eax, [esp + 8]",
        "pop edi",
        "ret"
    )
}

/// Compares `len` bytes: negative, zero or positive as the first difference says.
///
/// # Safety
/// Both are readable for `len` bytes.
#[cfg_attr(not(test), unsafe(no_mangle))]
#[inline(never)]
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

/// Compares `len` bytes: zero if they are equal. Who compares nothing finds no difference, for then
/// the zero flag is that of the length.
///
/// # Safety
/// Both are readable for `len` bytes.
#[cfg_attr(not(test), unsafe(no_mangle))]
#[unsafe(naked)]
pub unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, len: usize) -> i32 {
    naked_asm!(
        "push edi",
        "mov edx, esi",
        "mov esi, [esp + 8]",
        "mov edi, [esp + 12]",
        "mov ecx, [esp + 16]",
        "xor eax, eax",
        "shr ecx, 2",
        "repe cmpsd",
        "jne 2f",
        "mov ecx, [esp + 16]",
        "and ecx, 3",
        "repe cmpsb",
        "2:",
        "setne al",
        "mov esi, edx",
        "pop edi",
        "ret"
    )
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

    #[test]
    fn any_difference_is_found_and_none_behind_the_end() {
        let left = [7_u8; 20];
        for place in 0..20 {
            let mut right = left;
            right[place] = 8;
            for len in 0..=20 {
                // SAFETY: both have twenty bytes.
                let differ = unsafe { bcmp(left.as_ptr(), right.as_ptr(), len) } != 0;
                assert_eq!(differ, place < len, "{len} bytes, one at {place}");
            }
        }
    }
}
