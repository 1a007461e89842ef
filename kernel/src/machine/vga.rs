//! The text screen every PC starts with.
//!
//! 25 rows of 80 cells at a fixed place, each a glyph and a colour. The logic
//! is [`kernel::terminal::screen`]; here are the memory and the cursor's two
//! registers. On a machine without such a screen the writes go nowhere.
//!
//! Text memory is slow, and a screen that scrolls touches all of it with each
//! line. So the console works on a [`Picture`] in RAM, and what has changed is
//! shown when there is time to look at it; a panic writes straight through.
//!
//! Source: IBM VGA Technical Reference, "Alphanumeric modes", "CRT controller".
//!
//! Next on the tour: [`super::console`].

use core::ops::Range;
use core::ptr::NonNull;

use kernel::terminal::screen::{BLANK, CELLS, COLUMNS, Screen, TextMemory};
use volatile::VolatilePtr;

use super::port::Port;

const TEXT: *mut Cells = 0xB_8000 as *mut Cells;

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
    /// An empty screen, shown as it is written.
    pub fn clear() -> Screen<Self> {
        let mut vga = Self(());
        (0..CELLS).for_each(|index| vga.put(index, BLANK));
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
    fn put(&mut self, cell: usize, value: u16) {
        self.cell(cell).write(value);
    }

    fn get(&self, cell: usize) -> u16 {
        self.cell(cell).read()
    }

    fn scroll(&mut self) {
        for cell in 0..CELLS - COLUMNS {
            self.put(cell, self.get(cell + COLUMNS));
        }
    }
}

/// What the screen should show, in RAM. To scroll is to begin elsewhere.
#[derive(Debug)]
pub struct Picture {
    cells: Cells,
    /// Where the first row is.
    start: usize,
    is_new: bool,
}

impl Picture {
    /// An empty screen, shown by [`show`].
    pub const fn clear() -> Screen<Self> {
        Screen::new(Self { cells: [BLANK; CELLS], start: 0, is_new: true })
    }

    fn place(&self, cell: usize) -> usize {
        let place = self.start + cell;
        if place < CELLS { place } else { place - CELLS }
    }
}

impl TextMemory for Picture {
    fn put(&mut self, cell: usize, value: u16) {
        let place = self.place(cell);
        self.cells[place] = value;
        self.is_new = true;
    }

    /// A row lies in one piece, wherever the first one is.
    fn put_all(&mut self, cell: usize, glyphs: &[u8], colours: u8) {
        let place = self.place(cell);
        let cells = &mut self.cells[place..place + glyphs.len()];
        cells.iter_mut().zip(glyphs).for_each(|(cell, glyph)| *cell = u16::from_le_bytes([*glyph, colours]));
        self.is_new = true;
    }

    /// The end of the array may lie in between.
    fn fill(&mut self, cells: Range<usize>, value: u16) {
        let (place, len) = (self.place(cells.start), cells.len());
        let here = len.min(CELLS - place);
        self.cells[place..place + here].fill(value);
        self.cells[..len - here].fill(value);
        self.is_new = true;
    }

    fn get(&self, cell: usize) -> u16 {
        self.cells[self.place(cell)]
    }

    fn scroll(&mut self) {
        self.start = self.place(COLUMNS);
        self.is_new = true;
    }
}

/// Brings a picture to the screen, if anything has changed, and the cursor.
pub fn show(screen: &mut Screen<Picture>) {
    if core::mem::take(&mut screen.memory.is_new) {
        let mut vga = Vga(());
        (0..CELLS).for_each(|cell| vga.put(cell, screen.memory.get(cell)));
    }
    let cursor = screen.cursor();
    for (register, byte) in [(CURSOR_HIGH, cursor >> 8), (CURSOR_LOW, cursor)] {
        INDEX.write(register);
        DATA.write(byte as u8);
    }
}
