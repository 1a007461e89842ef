//! Keys pressed, by their scan codes, and what comes out.
use super::*;

const SHIFT: u8 = 0x2A;
const CONTROL: u8 = 0x1D;
const ALT: u8 = 0x38;
const CAPS: u8 = 0x3A;
const NUM: u8 = 0x45;
const A: u8 = 0x1E;
const ONE: u8 = 0x02;
const UP: u8 = 0x80;
/// Right of the left Shift, on keyboards of 105 keys.
const ISO: u8 = 0x56;

fn sent_by(layout: Layout, codes: &[u8]) -> String {
    let mut keys = KeyDecoder::new(layout);
    let sent = codes.iter().flat_map(|&code| keys.feed(code)).collect();
    String::from_utf8(sent).unwrap()
}

fn sent(codes: &[u8]) -> String {
    sent_by(Layout::Us, codes)
}

#[test]
fn a_key_is_sent_when_it_goes_down() {
    assert_eq!(sent(&[A, A | UP, ONE, ONE | UP]), "a1");
}

#[test]
fn shift_and_caps_lock_change_letters_as_on_a_us_keyboard() {
    assert_eq!(sent(&[SHIFT, A, ONE, SHIFT | UP, A]), "A!a");
    assert_eq!(sent(&[CAPS, CAPS | UP, A, ONE, SHIFT, A, SHIFT | UP, CAPS, CAPS | UP, A]), "A1aa");
}

#[test]
fn control_makes_control_codes() {
    assert_eq!(sent(&[CONTROL, A, 0x2E, CONTROL | UP, A]), "\x01\x03a");
    assert_eq!(sent(&[CONTROL, SHIFT, A]), "\x01");
    assert_eq!(sent(&[0xE0, CONTROL, A, 0xE0, CONTROL | UP, A]), "\x01a", "the right one too");
    // [ \ ] and Space, 6 for ^, - for _, and with Shift @ ^ _ ?
    let codes = [CONTROL, 0x1A, 0x2B, 0x1B, 0x39, 0x07, 0x0C, 0x35, SHIFT, 0x03, 0x07, 0x0C, 0x35];
    assert_eq!(sent(&codes), "\x1B\x1C\x1D\0\x1E\x1F\x1F\0\x1E\x1F\x7F");
}

#[test]
fn meta_is_an_escape_before() {
    assert_eq!(sent(&[ALT, 0x30, ALT | UP, 0x30]), "\x1Bbb");
    assert_eq!(sent(&[ALT, CONTROL, A]), "\x1B\x01");
    assert_eq!(sent(&[ALT, SHIFT, A, 0x0E, 0x1C]), "\x1BA\x1B\x7F\x1B\r");
    assert_eq!(sent(&[0xE0, ALT, 0x30]), "\x1Bb", "a US keyboard has no AltGr");
    assert_eq!(sent(&[ALT, 0xE0, 0x5B, 0x58]), "\x1B\x1B[24~", "a Windows key is nothing");
}

#[test]
fn enter_and_backspace_are_a_terminals() {
    assert_eq!(sent(&[0x1C, 0x0E, 0x0F, 0x01]), "\r\x7F\t\x1B");
    assert_eq!(sent(&[CONTROL, 0x23, 0x0E]), "\x08\x08", "Ctrl-H is not Backspace, but Ctrl-Backspace is");
    assert_eq!(sent(&[SHIFT, 0x0F]), "\x1B\t");
}

#[test]
fn arrows_and_their_neighbours_send_sequences() {
    assert_eq!(sent(&[0xE0, 0x48, 0xE0, 0xC8, 0xE0, 0x4B, 0xE0, 0x53]), "\x1B[A\x1B[D\x1B[3~");
    let [home, end, insert, up, down] = [0x47, 0x4F, 0x52, 0x49, 0x51];
    let codes = [0xE0, home, 0xE0, end, 0xE0, insert, 0xE0, up, 0xE0, down];
    assert_eq!(sent(&codes), "\x1B[1~\x1B[4~\x1B[2~\x1B[5~\x1B[6~");
    // With NumLock on they come with a Shift that nobody has pressed.
    assert_eq!(sent(&[0xE0, 0x2A, 0xE0, 0x47, 0xE0, 0xC7, 0xE0, 0xAA, A]), "\x1B[1~a");
}

#[test]
fn function_keys_send_what_linux_makes_them_send() {
    let one_to_five = "\x1B[[A\x1B[[B\x1B[[C\x1B[[D\x1B[[E";
    assert_eq!(sent(&[0x3B, 0x3C, 0x3D, 0x3E, 0x3F]), one_to_five);
    let six_to_twelve = "\x1B[17~\x1B[18~\x1B[19~\x1B[20~\x1B[21~\x1B[23~\x1B[24~";
    assert_eq!(sent(&[0x40, 0x41, 0x42, 0x43, 0x44, 0x57, 0x58]), six_to_twelve);
    assert_eq!(sent(&[SHIFT, 0x3B, 0x42]), "\x1B[25~\x1B[34~");
}

#[test]
fn the_keypad_has_digits_or_arrows() {
    assert_eq!(sent(&[0xE0, 0x1C, 0x47, 0x53, 0x4E, 0xE0, 0x35]), "\r7.+/");
    let all = [NUM, NUM | UP, 0x47, 0x48, 0x49, 0x4B, 0x4C, 0x4D, 0x4F, 0x50, 0x51, 0x52, 0x53];
    let arrows = "\x1B[1~\x1B[A\x1B[5~\x1B[D\x1B[G\x1B[C\x1B[4~\x1B[B\x1B[6~\x1B[2~\x1B[3~";
    assert_eq!(sent(&all), arrows);
    assert_eq!(sent(&[NUM, NUM | UP, NUM, NUM | UP, 0x47]), "7");
    let pause = [0xE1, 0x1D, 0x45, 0xE1, 0x9D, 0xC5];
    assert_eq!(sent(&[&pause[..], &[0x47]].concat()), "7", "Pause is not NumLock");
}

#[test]
fn each_layout_has_its_letters() {
    assert_eq!(sent_by(Layout::Us, &[0x15, 0x1A, ISO, SHIFT, ISO, 0x04]), "y[<>#");
    assert_eq!(sent_by(Layout::Uk, &[0x15, 0x2B, ISO, SHIFT, ISO, 0x04, 0x28]), "y#\\|£@");
    assert_eq!(sent_by(Layout::De, &[0x15, 0x28, 0x0C, ISO, SHIFT, ISO]), "zäß<>");
    assert_eq!(sent_by(Layout::De, &[0xE0, ALT, 0x0C, 0x10, ISO, 0x12]), "\\@|€", "by AltGr");
    assert_eq!(sent_by(Layout::Fr, &[A, 0x03, 0x27, ISO, SHIFT, 0x03]), "qém<2");
    assert_eq!(sent_by(Layout::Fr, &[0xE0, ALT, 0x0B, 0x09]), "@\\");
    // Control goes by the letter, wherever it is.
    assert_eq!(sent_by(Layout::De, &[CONTROL, 0x15, 0xE0, ALT, 0x0C]), "\x1A\x1C");
    assert_eq!(sent_by(Layout::Fr, &[CONTROL, 0x10]), "\x01");
    assert_eq!(["us", "uk", "de", "fr"].map(|word| Layout::from_word(word).is_some()), [true; 4]);
    assert_eq!(Layout::from_word("dvorak"), None);
}

#[test]
fn any_scan_codes_are_survived() {
    for layout in [Layout::Us, Layout::Uk, Layout::De, Layout::Fr] {
        let mut keys = KeyDecoder::new(layout);
        let mut seed = 7_u32;
        // Miri is a thousand times slower, and looks for something else.
        for _ in 0..if cfg!(miri) { 500 } else { 100_000 } {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            assert!(core::str::from_utf8(&keys.feed((seed >> 24) as u8)).is_ok());
        }
    }
}
