//! Accesses at random.

use super::*;

/// Places near something, or any.
fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        4 => (0xCF6..0xD02_u16).prop_map(Place::Port),
        4 => (CONSOLE_WINDOW..CONSOLE_WINDOW + 0x110).prop_map(|at| Place::Memory(GuestPhys(at))),
        1 => any::<u32>().prop_map(|at| Place::Memory(GuestPhys(at))),
    ]
}

fn value() -> impl Strategy<Value = u32> {
    prop_oneof![
        4 => 0..64_u32,
        2 => (0..3_u32, 0..64_u32).prop_map(|(slot, dword)| 1 << 31 | slot << 11 | dword << 2),
        1 => (0..MIB).prop_map(|at| at & !15),
        1 => any::<u32>(),
    ]
}

proptest! {
    #[test]
    fn any_accesses_are_answered_or_a_reason(
        acts in prop::collection::vec((any::<bool>(), place(), prop::sample::select(&Width::ALL[..]), value()), 1..200),
    ) {
        let mut bench = bench();
        for (is_read, place, width, value) in acts {
            let outcome = match is_read {
                true => bench.bus.read(place, width).map(|_| Heard::Nothing),
                false => bench.write_to(place, width, value & width.mask()),
            };
            if let Err(reason) = outcome {
                prop_assert!(!reason.to_string().is_empty());
                bench.bus.install(&mut bench.ram).unwrap();
            }
        }
    }
}
