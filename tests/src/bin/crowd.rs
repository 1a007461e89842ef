//! Runs crowds of random Guests by the hundred; `scripts/random --help` says how.
//!
//! Next on the tour: [`emulated::crowd`].
#![forbid(unsafe_code)]

use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, thread};

use emulated::crowd::{Crowd, Place, RANDOM};

/// What is to be run.
struct Plan {
    first: Crowd,
    boots: u32,
    jobs: u32,
    places: Vec<Place>,
    /// Which kinds of steps, if somebody has said.
    kinds: Option<String>,
}

/// The value behind `name` on the command line.
fn value(name: &str) -> Option<String> {
    env::args().skip_while(|word| word != name).nth(1)
}

/// The number behind `name`, or `default`.
fn number(name: &str, default: u32) -> Result<u32, String> {
    value(name).map_or(Ok(default), |word| word.parse().map_err(|_| format!("{name} {word} is no number")))
}

fn plan() -> Result<Plan, String> {
    let place = |word: &str| {
        let found = Place::ALL.iter().find(|(name, _)| *name == word);
        found.map(|(_, place)| *place).ok_or_else(|| format!("there is no machine {word}"))
    };
    let places = value("--in").unwrap_or_else(|| "qemu".into());
    let places = places.split(',').map(place).collect::<Result<Vec<_>, _>>()?;
    let seed = value("--seed").ok_or("--seed is missing")?;
    let seed = seed.parse().map_err(|_| format!("--seed {seed} is no number"))?;
    let mut first = Crowd::new(seed, places[0]);
    first.steps = number("--steps", first.steps)?;
    let kinds = value("--kinds");
    first.kinds = kinds.clone().unwrap_or(first.kinds);
    first.pae = env::args().any(|word| word == "--pae");
    Ok(Plan { first, boots: number("--boots", 1)?, jobs: number("--jobs", 1)?, places, kinds })
}

impl Plan {
    /// Crowd `index`: the places take turns, and in each every third crowd is PAE's.
    fn crowd(&self, index: u32) -> Crowd {
        let places = self.places.len() as u32;
        let place = self.places[(index % places) as usize];
        let pae = self.first.pae || self.boots > 1 && index / places % 3 == 2;
        let kinds = self.kinds.clone().unwrap_or_else(|| Crowd::new(0, place).kinds);
        Crowd { seed: self.first.seed.wrapping_add(index), place, pae, kinds, ..self.first.clone() }
    }

    /// Runs all, and returns how many went wrong.
    fn run(&self) -> u32 {
        let (next, wrong) = (AtomicU32::new(0), AtomicU32::new(0));
        thread::scope(|scope| {
            for _ in 0..self.jobs {
                scope.spawn(|| {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        if index >= self.boots {
                            break;
                        }
                        wrong.fetch_add(u32::from(!self.is_good(&self.crowd(index))), Ordering::Relaxed);
                    }
                });
            }
        });
        wrong.into_inner()
    }

    /// Runs one of several crowds in a process of its own, for a machine that does not come to its end
    /// ends that.
    fn is_good(&self, crowd: &Crowd) -> bool {
        let words = crowd.to_string();
        let own = env::current_exe().expect("a running program has a path");
        let output =
            Command::new(own).args(words.split(' ').skip(1)).output().expect("it can be started again");
        let is_good = output.status.success();
        println!("{}: {words}", if is_good { "good".into() } else { format!("WRONG ({})", output.status) });
        if !is_good {
            println!("{}", String::from_utf8_lossy(&output.stdout));
            println!("{}", String::from_utf8_lossy(&output.stderr));
        }
        is_good
    }
}

fn main() -> ExitCode {
    let plan = match plan() {
        Ok(plan) => plan,
        Err(fault) => {
            eprintln!("{fault}; see scripts/random --help");
            return ExitCode::from(64);
        }
    };
    if plan.boots == 1 {
        return match plan.first.check(true) {
            Ok(()) => ExitCode::SUCCESS,
            Err(fault) => {
                println!("\n{fault}");
                ExitCode::FAILURE
            }
        };
    }
    let wrong = plan.run();
    println!("{} boots, {} random Guests, {wrong} boots went wrong", plan.boots, plan.boots * RANDOM);
    if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
