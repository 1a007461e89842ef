//! The console says how large it is: `expect=` columns and rows, 80x25 if nobody wanted another size.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::device_page::TYPE_CONSOLE;
use kit::device_window::DeviceWindow;
use kit::devices::devices;
use kit::{boot_params, println, words};

kit::guest_test!(console_size);

/// VIRTIO_CONSOLE_F_SIZE.
const SIZE: usize = 0;

fn console_size() {
    let page = DeviceWindow::new().device_page();
    let console = devices(&page).find(|device| device.kind == TYPE_CONSOLE).expect("there is a console");
    assert!(console.offers(SIZE));
    let config = console.config();
    let [columns, rows] = [0, 2].map(|at| u16::from_le_bytes([config[at], config[at + 1]]));
    let expected = words::value(boot_params::command_line(), "expect").unwrap_or("80x25");
    let (expected_columns, expected_rows) = expected.split_once('x').expect("expect= is a size");
    println!("a terminal of {columns} columns and {rows} rows");
    assert_eq!((Ok(columns), Ok(rows)), (expected_columns.parse(), expected_rows.parse()));
}
