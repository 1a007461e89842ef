//! A Guest that plays random steps: calls, page tables, instructions at ring 1 and ring 3, segments,
//! frames, rings, configuration, text. `seed=` says which, `steps=` how many, `kinds=a,b` of which
//! kinds, or `kinds=-a,b` of which not. Whatever it does is its own affair: the others are watched.
//!
//! Without a seed it shows that it comes back from what ends a step: a fault, an endless loop, a
//! return to nowhere, ring 3.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kennel_guest_tests::number;
use kennel_guest_tests::random::{Kind, Player};
use kit::{boot_params, println, words};

kit::guest_test!(random);

fn random() {
    let line = boot_params::command_line();
    if words::value(line, "seed").is_none() {
        return Player::new(0).come_back();
    }
    let (seed, steps) = (number("seed", 0), number("steps", 100));
    let mut chosen = [Kind::Calls; Kind::ALL.len()];
    let kinds = Kind::choose(words::value(line, "kinds").unwrap_or("-"), &mut chosen);
    println!("random: seed={seed} steps={steps} kinds={}", kinds.len());
    let mut player = Player::new(seed);
    (0..steps).for_each(|_| player.step(kinds));
    let (runs, vectors) = player.landings();
    println!("random: seed {seed}: all {steps} steps played, {runs} runs ended in {vectors} ways");
}
