//! The text screen every PC starts with.
//!
//! 25 rows of 80 cells at a fixed place, each a glyph and a colour. The logic
//! is [`kernel::host::screen`]; here are the memory and the cursor's two
//! registers. On a machine without such a screen the writes go nowhere.
//!
//! Source: IBM VGA Technical Reference, "Alphanumeric modes", "CRT controller".
//!
//! Next on the tour: [`super::console`].

use core::ptr::NonNull;

use kernel::host::screen::{COLUMNS, ROWS, Screen, TextMemory};
use volatile::VolatilePtr;

use super::port::Port;

const TEXT: *mut Cells = 0xB_8000 as *mut Cells;
const CELLS: usize = ROWS * COLUMNS;
/// Light grey on black, over a blank.
const BLANK: u16 = 0x0700 | b' ' as u16;

type Cells = [u16; CELLS];

// SAFETY: The CRT controller's index and data registers move a cursor; they do not reach memory.
const INDEX: Port<u8> = unsafe { Port::<u8>::new(0x3D4) };
// SAFETY: As before.
const DATA: Port<u8> = unsafe { Port::<u8>::new(0x3D5) };
const CURSOR_HIGH: u8 = 0x0E;
const CURSOR_LOW: u8 = 0x0F;

/// The text memory itself. One may be made for the console, another in a panic.
#[derive(Debug)]
pub struct Vga(());

impl Vga {
    /// An empty screen.
    pub fn clear() -> Screen<Self> {
        let vga = Self(());
        (0..CELLS).for_each(|index| vga.cell(index).write(BLANK));
        Screen::new(vga)
    }

    fn cell(&self, index: usize) -> VolatilePtr<'_, u16> {
        assert!(index < CELLS, "the screen has {CELLS} cells");
        let text = NonNull::new(TEXT).expect("text memory is not at 0");
        // SAFETY: 1. Text memory lies there on every PC, is nobody's RAM, and any value may be
        // written to it; 2. `index` is inside.
        unsafe { VolatilePtr::new(text).map(|cells| cells.cast::<u16>().add(index)) }
    }
}

impl TextMemory for Vga {
    fn put(&mut self, cell: usize, glyph: u8) {
        self.cell(cell).write(BLANK & 0xFF00 | u16::from(glyph));
    }

    fn scroll(&mut self) {
        for index in 0..CELLS - COLUMNS {
            self.cell(index).write(self.cell(index + COLUMNS).read());
        }
        (CELLS - COLUMNS..CELLS).for_each(|index| self.cell(index).write(BLANK));
    }
}

/// Shows the cursor in `cell`.
pub fn show_cursor(cell: usize) {
    for (register, byte) in [(CURSOR_HIGH, cell >> 8), (CURSOR_LOW, cell)] {
        INDEX.write(register);
        DATA.write(byte as u8);
    }
}
