//! Networks: Guests that can talk to each other, and to the Host.
//!
//! Each name that stands behind `net=` on a Guest's line is a network. The
//! Guests of one are joined by a [`switch`], with a [`gateway`] on it that
//! knows IP; nothing gets from one network to another.
//!
//! ```text
//!   Guest's driver --virtqueues-- device --+
//!                     speaks as itself? --- |-- switch -- gateway: DHCP, ping, a page ...
//!   Guest's driver --virtqueues-- device --+        '--- capture, into a file
//! ```
//!
//! Next on the tour: [`mac`].

pub mod checksum;
pub mod cutter;
pub mod device;
pub mod gateway;
pub mod header;
pub mod headers;
pub mod identity;
pub mod layers;
pub mod mac;
pub mod network;
pub mod pcap;
pub mod queue;
pub mod refusal;
pub mod relay;
pub mod room;
pub mod scatter;
pub mod subnet;
pub mod switch;
pub mod table;
pub mod unfinished;
