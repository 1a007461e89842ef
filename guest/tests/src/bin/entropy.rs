//! The entropy source fills what it is offered, with something else each time, however large the
//! buffer is, and touches nothing beside it.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::PAGE_SIZE;
use kit::frames::Frame;
use kit::rng::Source;

kit::guest_test!(entropy);

fn entropy() {
    let mut source = Source::start(0).expect("every Guest has an entropy source");
    let frame = Frame::alloc();
    let draw = |source: &mut Source| {
        assert_eq!(source.fill(frame.phys(), 32), 32);
        core::array::from_fn::<u32, 8, _>(|place| frame.read(4 * place as u32))
    };
    let (first, second) = (draw(&mut source), draw(&mut source));
    assert!(first.iter().zip(second).all(|(one, other)| *one != other), "{first:x?} {second:x?}");
    assert!((32..PAGE_SIZE).step_by(4).all(|at| frame.read(at) == 0));
    let odd = source.fill(frame.phys(), 33);
    assert!(odd == 33 && (36..PAGE_SIZE).step_by(4).all(|at| frame.read(at) == 0));
    let all = source.fill(frame.phys(), PAGE_SIZE);
    assert!((1..=PAGE_SIZE).contains(&all));
    let ones: u32 = (0..all / 4 * 4).step_by(4).map(|at| frame.read(at).count_ones()).sum();
    assert!(ones.abs_diff(all * 4) < all / 4, "{ones} ones in {all} bytes");
}
