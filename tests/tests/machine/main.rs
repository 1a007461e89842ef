//! The boots: everything only a machine can show.
//!
//! One program, so that its closing line counts them all. Each module is a question:
//! do the test Guests pass ([`guests`]), does the demo do what the README says ([`demo`]),
//! is a mistake in the configuration told and survived ([`bad_input`]), does every loader
//! do ([`loaders`]), what if the hardware is poor or hostile ([`hardware`]), is the image
//! what it claims to be ([`image`]), do the scripts work ([`scripts`], [`at_a_terminal`], [`labs`]), also their media for real PCs ([`release`]), what does it cost
//! ([`bench`]), do as many run as are brought ([`many`]), does each get its share of the time
//! ([`fairness`]), do several Guests leave each other alone ([`together`]), reach each other ([`net`])
//! and share a terminal ([`terminal`]), also one that is slow or attacked ([`stalls`]), does a person at the machine itself get by ([`desk`]), is
//! every year's treaty kept ([`variants`]), do disks keep what is on them ([`disks`]), do drivers
//! that others wrote find our devices as they should be ([`drivers`]), do Linux kernels find all
//! they look for ([`linux`]), can one look into a Guest from outside ([`monitor`]), can it be
//! debugged ([`gdb`]), what do clients make of the gateway that others wrote ([`clients`]), and does a Guest
//! from outside of this project build and boot ([`outside`]).

mod at_a_terminal;
mod bad_input;
mod bench;
mod clients;
mod demo;
mod desk;
mod disks;
mod docs;
mod drivers;
mod fairness;
mod gdb;
mod guests;
mod hardware;
mod image;
mod interactive;
mod labs;
mod linux;
mod loaders;
mod many;
mod monitor;
mod net;
mod outside;
mod random;
mod release;
mod rooms;
mod scripts;
mod selftests;
mod stalls;
mod terminal;
mod together;
mod trace;
mod variants;
