//! A Guest that lies, or tells nothing, harms nobody but itself.
//!
//! The Guest stores whatever it likes wherever it likes, makes any paging call
//! with any words, and is touched at any address with any error code. It may
//! be killed for it at any step, and is then started again on the same
//! shadows. What holds after each step is [`Hardware::audit`]: every entry of
//! every table names a page of the Guest, and no table is lost.
//!
//! Next on the tour: [`crate::script`].
//!
//! [`Hardware::audit`]: crate::hardware::Hardware::audit

use abi::{GuestLinear, GuestPhys, GuestResult, PAGE_SIZE};
use kernel::cpu::exit::PageFaultCode;
use kernel::shadow::walk::Format;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseError;

use crate::hardware::SWITCHER_TABLES;
use crate::op::{self, Op, Write};
use crate::shape::{self, PAGES, Shape};
use crate::world::{World, access_of};
use crate::{Hex, config};

/// What a hostile Guest does.
#[derive(Clone, Debug)]
enum Attack {
    /// What a good one does, but for telling of its stores.
    Usual(Op),
    /// A store anywhere.
    Store { at: Hex, value: Hex },
    /// `NEW_PGTABLE` of any word.
    Switch(Hex),
    /// `SET_PTE` of any words.
    SetPte { top: Hex, at: Hex, entry: Hex, high: Hex },
    /// `SET_PMD` of any words.
    SetPmd { middle: Hex, index: Hex },
    /// `SET_PGD` of any words.
    SetPgd { top: Hex, index: Hex },
    /// A page fault nobody caused.
    Fault { at: Hex, code: Hex },
    /// The end, and INIT with another kernel address.
    Restart { kernel_address: Hex },
}

/// Addresses of tables, their neighbourhood, and the end of memory.
fn top() -> impl Strategy<Value = Hex> {
    prop_oneof![
        6 => (0..PAGES).prop_map(|page| Hex(page * PAGE_SIZE)),
        2 => (0..PAGES * PAGE_SIZE).prop_map(Hex),
        1 => (0..0x3000_u32).prop_map(|offset| Hex((PAGES - 1) * PAGE_SIZE + offset)),
        1 => any::<u32>().prop_map(Hex),
    ]
}

fn entry(shape: Shape) -> impl Strategy<Value = Hex> {
    prop_oneof![4 => op::write(shape).prop_map(|write| write.entry), 1 => any::<u32>().prop_map(Hex)]
}

fn attack(shape: Shape) -> impl Strategy<Value = Attack> {
    let index = prop_oneof![8 => (0..1025_u32).prop_map(Hex), 1 => any::<u32>().prop_map(Hex)].boxed();
    let kernel_address = prop_oneof![op::kernel_address(), (0..0xFFC0_0000_u32).prop_map(Hex)];
    prop_oneof![
        12 => op::op(shape).prop_map(Attack::Usual),
        4 => (0..PAGES * PAGE_SIZE / 4, entry(shape)).prop_map(|(word, value)| Attack::Store { at: Hex(word * 4), value }),
        2 => top().prop_map(Attack::Switch),
        6 => (top(), op::address(shape), entry(shape), select(&[0, 0, 0, 1 << 31, 1])).prop_map(|(top, at, entry, high)| Attack::SetPte { top, at, entry, high: Hex(high) }),
        2 => (top(), index.clone()).prop_map(|(top, index)| Attack::SetPgd { top, index }),
        2 => (top(), index).prop_map(|(middle, index)| Attack::SetPmd { middle, index }),
        3 => (op::address(shape), select(&[0_u32, 1, 2, 3, 4, 5, 6, 7, 9, 0x15, u32::MAX]))
            .prop_map(|(at, code)| Attack::Fault { at, code: Hex(code) }),
        1 => kernel_address.prop_map(|kernel_address| Attack::Restart { kernel_address }),
    ]
}

/// Does one step; the error is what killed the Guest.
fn step(world: &mut World, shape: Shape, attack: &Attack) -> GuestResult {
    let World { ram, shadow, .. } = world;
    match attack {
        Attack::Usual(op) => return usual(world, shape, op),
        Attack::Store { at, value } => ram.set_word(at.0, value.0),
        Attack::Switch(top) => return shadow.switch_to(ram, GuestPhys(top.0)),
        Attack::SetPte { top, at, entry, high } => {
            let change = [top, at, entry, high].map(|word| word.0);
            return shadow.set_pte(ram, change.into());
        }
        Attack::SetPmd { middle, index } => return shadow.set_pmd(ram, GuestPhys(middle.0), index.0),
        Attack::SetPgd { top, index } => return shadow.set_pgd(GuestPhys(top.0), index.0),
        Attack::Fault { at, code } => {
            return shadow.demand_page(ram, GuestLinear(at.0), PageFaultCode(code.0)).map(|_| ());
        }
        Attack::Restart { kernel_address } => {
            shadow.reset();
            shadow.set_kernel_address(kernel_address.0);
        }
    }
    Ok(())
}

fn usual(world: &mut World, shape: Shape, op: &Op) -> GuestResult {
    let World { ram, shadow, .. } = world;
    match op {
        Op::Write { writes, .. } => {
            for Write { at, entry, high } in writes {
                shape::store(ram, shadow.format(), at.0, entry.0, high.0);
            }
        }
        Op::Switch(top) => return shadow.switch_to(ram, GuestPhys(top.0)),
        Op::Flush { everything: true } => shadow.flush_all(),
        Op::Flush { everything: false } => shadow.flush_user(ram),
        Op::Stack { end, pages } => shadow.set_stack(end.0, *pages),
        Op::Touch(at, kind) => return world.touch(GuestLinear(at.0), access_of(*kind)).map(|_| ()),
        Op::Tour(at, kind) => {
            for top in shape.tops() {
                world.shadow.switch_to(&world.ram, GuestPhys(top))?;
                world.touch(GuestLinear(at.0), access_of(*kind))?;
            }
        }
        Op::Move => world.cpu ^= 1,
    }
    Ok(())
}

/// Whatever a step did; the dead are started again.
fn follow(
    world: &mut World,
    shape: Shape,
    mut kernel_address: Hex,
    format: Option<Format>,
    attacks: &[Attack],
) -> Result<(), TestCaseError> {
    for (number, attack) in attacks.iter().enumerate() {
        let in_step = |error| TestCaseError::fail(format!("step {number}, {attack:x?}: {error}"));
        if let Attack::Restart { kernel_address: another } = attack {
            kernel_address = *another;
        }
        let is_dead = step(world, shape, attack).is_err();
        if is_dead {
            world.shadow.reset();
            let (all, free) = world.shadow.tables();
            prop_assert_eq!(free, all - 1, "step {}, {:?}: tables leak", number, attack);
            world.shadow.set_kernel_address(kernel_address.0);
        }
        if is_dead || matches!(attack, Attack::Restart { .. }) {
            world.shadow.set_format(format);
        }
        let root = world.shadow.root(SWITCHER_TABLES[world.cpu]);
        prop_assert!(root.is_ok(), "step {number}: no root");
        let first_shared = kernel_address.0.div_ceil(1 << 22) as usize;
        let limit = world.ram.0.len() as u32;
        world.hardware.audit(&world.shadow, limit, first_shared).map_err(in_step)?;
    }
    world.shadow.reset();
    let (all, free) = world.shadow.tables();
    prop_assert_eq!(free, all - 1, "tables leak at the end");
    world.hardware.give_back();
    Ok(())
}

/// A shape, whether the Host is told of its format, and what happens.
fn story() -> impl Strategy<Value = (Shape, bool, usize, Vec<Attack>)> {
    op::shape().prop_flat_map(|shape| {
        let attacks = prop::collection::vec(attack(shape), 1..60);
        (Just(shape), prop::bool::weighted(0.7), op::pool_size(shape), attacks)
    })
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn a_guest_that_lies_maps_nothing_but_its_own_memory(
        (shape, is_told, tables, attacks) in story(),
        kernel_address in op::kernel_address(),
        tail in select(&[0_u32, 4, 0x800, 0xFFC]),
    ) {
        let mut world = World::new(shape, tables, kernel_address.0, tail);
        let format = is_told.then_some(shape.format);
        world.shadow.set_format(format);
        follow(&mut world, shape, kernel_address, format, &attacks)?;
    }
}
