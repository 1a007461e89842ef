//! Virtual interrupts that wait for a Guest.
//!
//! Next on the tour: [`super::shared`].

/// Line of the timer.
pub const TIMER_LINE: u8 = 0;

/// Interrupts that wait.
#[derive(Default)]
pub struct Interrupts {
    pending: u32,
    /// The Guest was told that some wait, in `irq_pending`.
    pub is_told: bool,
    /// A tick has been asked for.
    pub is_ticking: bool,
    delivered: u64,
    /// None is delivered for the moment, unless it wakes the Guest.
    pub is_put_off: bool,
}

impl Interrupts {
    /// Makes a line pending.
    #[inline]
    pub fn raise(&mut self, line: u8) {
        self.pending |= 1 << (line % 32);
    }

    /// Whether any line is pending, blocked or not.
    #[inline]
    pub fn any(&self) -> bool {
        self.pending != 0
    }

    /// The lines that are pending, a bit each.
    pub const fn pending(&self) -> u32 {
        self.pending
    }

    /// How many were delivered since the Guest was (re)started.
    pub const fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Counts `line` as delivered: it waits no longer.
    #[inline]
    pub fn take(&mut self, line: u8) {
        self.pending &= !(1 << line);
        self.delivered += 1;
    }

    /// The tick came.
    pub fn ticked(&mut self) {
        self.is_ticking = false;
    }
}
