//! The kinds of steps, by the names they have on the command line.

use super::Player;

impl Kind {
    /// The kinds named in `words`, with commas between them; behind a minus sign, all others.
    ///
    /// # Panics
    /// If there is no kind of a name, or none is left.
    pub fn choose<'a>(words: &str, into: &'a mut [Self; Self::ALL.len()]) -> &'a [Self] {
        let names = words.strip_prefix('-').unwrap_or(words);
        let is_named = |kind: &Self| names.split(',').any(|name| name == kind.word());
        for name in names.split(',').filter(|name| !name.is_empty()) {
            assert!(Self::ALL.iter().any(|kind| kind.word() == name), "there is no kind {name}");
        }
        let is_chosen = |kind: &&Self| is_named(kind) != words.starts_with('-');
        let mut count = 0;
        for (place, kind) in into.iter_mut().zip(Self::ALL.iter().filter(is_chosen)) {
            *place = *kind;
            count += 1;
        }
        assert!(count > 0, "no kind is left of kinds={words}");
        &into[..count]
    }
}

/// Declares the kinds: a name and the function that plays it.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $word:literal $play:ident;)*) => {
        /// A kind of step.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Kind {$(
            $(#[$doc])*
            $kind,
        )*}

        impl Kind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// Its name.
            pub fn word(self) -> &'static str {
                match self {$(Self::$kind => $word,)*}
            }

            pub(super) fn play(self, player: &mut Player) {
                match self {$(Self::$kind => player.$play(),)*}
            }
        }
    };
}

kinds! {
    /// Hypercalls, one at a time.
    Calls "calls" play_call;
    /// Hypercalls in the ring of queued ones.
    Queued "queued" play_queued;
    /// Timers, sleep, the interrupt flag.
    Time "time" play_time;
    /// Page tables, announced or not.
    Tables "tables" play_tables;
    /// Instructions at ring 1.
    Code "code" play_code;
    /// Instructions at ring 3.
    User "user" play_user;
    /// Debug registers.
    Debug "debug" play_debug;
    /// CR0.TS and the FPU.
    Fpu "fpu" play_fpu;
    /// Descriptors, and registers loaded with them.
    Segments "segments" play_segments;
    /// Gates, and interrupts by them.
    Gates "gates" play_gates;
    /// Frames for `iret` and its kin.
    Frames "frames" play_frames;
    /// Frames that ask for virtual-8086 mode.
    Vm "vm" play_vm;
    /// Virtqueues.
    Rings "rings" play_rings;
    /// Configuration: device page, configuration spaces, registers.
    Config "config" play_config;
    /// What it shares with the Host.
    Shared "shared" play_shared;
    /// Text.
    Text "text" play_text;
    /// An end, or a new start.
    Ends "ends" play_end;
}
