//! Half of the mutations of a target whose input is a story.
//!
//! libFuzzer's own copy and repeat what is there, and soon a Guest does the same two things over
//! and over. These write noise over a stretch of the input, or behind it, so that each kind of
//! act and each value keeps coming up.

use libfuzzer_sys::fuzzer_mutate;

/// Longest stretch of noise.
const LONGEST: usize = 64;

/// Changes the first `size` bytes of `data`, or more of them up to `max`; returns the new size.
pub fn mutate(data: &mut [u8], size: usize, max: usize, seed: u32) -> usize {
    if seed.is_multiple_of(2) {
        return fuzzer_mutate(data, size, max);
    }
    let (size, mut noise) = (size.min(max), random(seed));
    let mut below = |limit: usize| noise.next().map_or(0, |word| word as usize % limit.max(1));
    let start = below(size + 1);
    let end = (start + 1 + below(LONGEST)).min(max);
    data[start..end].iter_mut().zip(noise).for_each(|(byte, word)| *byte = (word >> 24) as u8);
    size.max(end)
}

/// Numbers without a pattern: xorshift.
fn random(seed: u32) -> impl Iterator<Item = u32> {
    let mut state = seed | 1;
    core::iter::repeat_with(move || {
        for (shift, is_left) in [(13, true), (17, false), (5, true)] {
            state ^= if is_left { state << shift } else { state >> shift };
        }
        state
    })
}
