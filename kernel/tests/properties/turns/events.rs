//! Anything that may happen, mostly something that means something.

use super::*;

/// Words that are addresses at and past some end, selectors, or small.
fn word() -> BoxedStrategy<Hex> {
    const EDGES: [u32; 22] = [
        0,
        1,
        2,
        3,
        0x61,
        0x69,
        0x7B,
        0x2000,
        DATA_AT,
        LIMIT - 128,
        LIMIT - 4,
        LIMIT - 1,
        LIMIT,
        LIMIT + 1,
        LIMIT - 0x800,
        0x7FFF_FFFF,
        0xBFFF_FFFC,
        0xC000_0000,
        0xFFBF_FFFE,
        0xFFC0_0000,
        0xFFFF_F000,
        u32::MAX,
    ];
    prop_oneof![
        4 => select(&EDGES).prop_map(Hex),
        3 => op::address(SHAPE),
        2 => (0..PAGES).prop_map(|page| Hex(page * PAGE_SIZE)),
        1 => any::<u32>().prop_map(Hex),
    ]
    .boxed()
}

/// A call: mostly one that exists.
fn call() -> BoxedStrategy<[Hex; 5]> {
    const NUMBERS: [u32; 19] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16, 17, 18, 19, 20];
    let number = prop_oneof![30 => select(&NUMBERS), 1 => any::<u32>()];
    let any_call = (number, [word(), word(), word(), word()])
        .prop_map(|(number, [a, b, c, d])| [Hex(number), a, b, c, d]);
    let gate = (0..0x81_u32, word(), select(&[0x8E00_u32, 0x8F00, 0xEF00]))
        .prop_map(|(vector, low, high)| [LHCALL_LOAD_IDT_ENTRY, vector, low.0, high, 0].map(Hex));
    let pte = (0..PAGES, op::address(SHAPE), op::write(SHAPE))
        .prop_map(|(top, at, write)| [LHCALL_SET_PTE, top * PAGE_SIZE, at.0, write.entry.0, 0].map(Hex));
    let space = (0..PAGES).prop_map(|top| [LHCALL_NEW_PGTABLE, top * PAGE_SIZE, 0, 0, 0].map(Hex));
    let stack =
        (word(), 0..3_u32).prop_map(|(esp, pages)| [LHCALL_SET_STACK, 0x69, esp.0, pages, 0].map(Hex));
    prop_oneof![6 => any_call, 4 => gate, 2 => pte, 2 => space, 1 => stack].boxed()
}

/// A trap number: exceptions, the system call, interrupts of the Host, faults on entry.
fn trapnum() -> impl Strategy<Value = Hex> {
    let vector = prop_oneof![
        8 => select(&[0_u32, 1, 2, 3, 6, 7, 13, 13, 14, 14, 14, 14, 14, 14, 0x1F, 0x80]),
        2 => 0..256_u32,
        2 => (0x20..0x100_u32).prop_map(|vector| vector | 1),
        1 => 0x100..0x200_u32,
        1 => any::<u32>(),
    ];
    vector.prop_filter("a machine check is the end", |trapnum| trapnum & 0xFF != 18).prop_map(Hex)
}

pub fn stores() -> BoxedStrategy<Vec<(Hex, Hex)>> {
    let table = op::write(SHAPE).prop_map(|write| (write.at, write.entry));
    let data = ((0..0x580_u32).prop_map(|offset| Hex(DATA_AT + (offset & !3))), word());
    let code = (word(), select(&[0xFA_u32, 0xEC, 0xED66, 0xE4, 0xF4, 0x0F_CF]).prop_map(Hex));
    let map = (select(&[E820_MAP + 8, RAMDISK_SIZE]).prop_map(Hex), word());
    prop::collection::vec(prop_oneof![9 => table, 3 => data, 3 => code, 2 => map], 0..4).boxed()
}

pub fn event() -> BoxedStrategy<Event> {
    let trap =
        (stores(), [word(), word(), word(), word(), word(), word()], trapnum(), word(), word()).prop_map(
            |(stores, regs, trapnum, errcode, cr2)| Event::Trap { stores, regs, trapnum, errcode, cr2 },
        );
    let queued = prop_oneof![6 => prop::collection::vec(call(), 0..3), 1 => call().prop_map(|call| vec![call; RING_ENTRIES])];
    prop_oneof![
        8 => trap,
        6 => (queued, call()).prop_map(|(queued, call)| Event::Call { queued, call }),
        2 => (0..32_u8).prop_map(Event::Raise),
        1 => prop_oneof![0..10_000_000_u64, Just(u64::MAX / 2)].prop_map(Event::Haste),
        6 => Just(Event::Run),
    ]
    .boxed()
}
