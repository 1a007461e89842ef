//! Headers of all years, and those that say something impossible.

use std::string::ToString;

use proptest::prelude::*;

use super::*;
use crate::fakes::BzImageFile;
use crate::fakes::bzimage::PROTECTED;
use crate::fields::Truncated;

fn refusal(bend: impl FnOnce(&mut BzImageFile)) -> BzImageError {
    let mut file = BzImageFile::small();
    bend(&mut file);
    BzImage::admit(&file.0).expect_err("the file should be refused")
}

/// What a file needs, after it has been bent.
fn needs(bend: impl FnOnce(&mut BzImageFile)) -> u64 {
    let mut file = BzImageFile::small();
    bend(&mut file);
    BzImage::admit(&file.0).unwrap().needs
}

#[test]
fn the_header_says_all_there_is_to_know() {
    let file = BzImageFile::small();
    let image = BzImage::admit(&file.0).unwrap();
    assert_eq!(image.header, &file.0[0x1F1..0x268]);
    assert_eq!(image.protected, &file.0[PROTECTED..]);
    assert_eq!(image.entry, GuestPhys(0x10_0000));
    assert_eq!((image.initrd_max, image.command_line_max), (0x37FF_FFFF, 255));
    assert_eq!(image.release.unwrap().to_string(), "3.11.10-small");
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let whole = BzImageFile::new("3.1", &[0x90; 4096]).0;
    // Miri is a thousand times slower, and looks for something else.
    let step = if cfg!(miri) { 101 } else { 1 };
    for len in (0x206..whole.len() - 15).step_by(step) {
        assert!(is_bzimage(&whole[..len]));
        let outcome = BzImage::admit(&whole[..len]);
        let Err(BzImageError::Truncated(Truncated { needed, len: said })) = outcome else {
            panic!("{len} bytes of {} gave {outcome:?}", whole.len());
        };
        assert!(needed > len as u64 && said == len);
    }
}

#[test]
fn the_last_paragraph_need_not_be_whole_and_a_signature_is_left_behind() {
    let whole = BzImageFile::new("3.1", &[0x90; 64]).0;
    let short = &whole[..whole.len() - 15];
    assert_eq!(BzImage::admit(short).unwrap().protected.len(), 49);
    let signed = [whole.as_slice(), b"signature"].concat();
    assert_eq!(BzImage::admit(&signed).unwrap().protected.len(), 64);
}

#[test]
fn what_no_guest_could_run_is_refused() {
    assert_eq!(refusal(|file| _ = file.put16(0x206, 0x0206)), BzImageError::OldProtocol { version: 0x0206 });
    assert_eq!(refusal(|file| file.0[0x211] = 0), BzImageError::LoadedLow);
    assert_eq!(refusal(|file| _ = file.put16(0x236, 1)), BzImageError::Is64Bit);
    assert_eq!(refusal(|file| _ = file.put32(0x1F4, 0)), BzImageError::Size { len: 0 });
    assert_eq!(refusal(|file| _ = file.put32(0x1F4, u32::MAX)), BzImageError::Size { len: 0xF_FFFF_FFF0 });
    assert_eq!(refusal(|file| _ = file.put32(0x230, 3)), BzImageError::Alignment { alignment: 3 });
}

#[test]
fn a_header_longer_than_its_place_is_refused() {
    assert_eq!(refusal(|file| file.0[0x201] = 0x8F), BzImageError::HeaderLen { end: 0x291 });
    let mut file = BzImageFile::small();
    file.0[0x201] = 0x8E;
    assert_eq!(BzImage::admit(&file.0).unwrap().header.len(), 0x290 - 0x1F1);
}

#[test]
fn it_needs_its_memory_where_it_will_be_unpacked() {
    assert_eq!(needs(|_| ()), 0x10_4000);
    assert_eq!(needs(|file| _ = file.put32(0x230, 0x100_0000)), 0x100_4000);
    assert_eq!(needs(|file| _ = file.put32(0x258, 0x200_0000)), 0x200_4000);
    assert_eq!(needs(|file| _ = file.put32(0x230, 0)), 0x10_4000);
    assert_eq!(needs(|file| _ = file.put32(0x260, 0)), 0x10_0010);
    assert_eq!(needs(|file| _ = file.put32(0x230, 1 << 31).put32(0x260, u32::MAX)), 0x1_7FFF_FFFF);
}

#[test]
fn an_older_kernel_needs_what_stands_behind_its_packed_self() {
    let older = |file: &mut BzImageFile| {
        file.put16(0x206, 0x0209);
        file.put32(PROTECTED + 12, 0x50_0000);
    };
    assert_eq!(needs(older), 0x60_0000);
    assert_eq!(needs(|file| _ = file.put16(0x206, 0x0207)), 0x10_0010);
    for (offset, len) in [(u32::MAX, 4), (8, 9)] {
        let error = refusal(|file| _ = file.put16(0x206, 0x0209).put32(0x248, offset).put32(0x24C, len));
        assert_eq!(error, BzImageError::Payload);
    }
}

#[test]
fn a_field_newer_than_the_header_is_not_looked_at() {
    let mut file = BzImageFile::small();
    file.put16(0x206, 0x020B).put16(0x236, 1);
    assert!(BzImage::admit(&file.0).is_ok());
}

#[test]
fn a_release_that_cannot_be_read_is_none() {
    for offset in [0, 0xFFFF, 0x10] {
        let mut file = BzImageFile::small();
        file.put16(0x20E, offset);
        assert_eq!(BzImage::admit(&file.0).unwrap().release, None);
    }
}

proptest! {
    #[test]
    fn any_header_is_refused_or_lies_inside_the_file(
        bends in prop::collection::vec((0x1F1usize..0x290, any::<u8>()), 0..6),
        cut in 0usize..0x200,
    ) {
        let mut file = BzImageFile::new("3.1", &[0x90; 300]).0;
        bends.into_iter().for_each(|(at, byte)| file[at] = byte);
        file.truncate(file.len() - cut);
        if let Ok(image) = BzImage::admit(&file) {
            prop_assert_eq!(image.header.as_ptr(), file[0x1F1..].as_ptr());
            prop_assert!(image.header.len() <= 0x290 - 0x1F1);
            prop_assert!(file.as_ptr_range().contains(&image.protected.as_ptr()));
            prop_assert!(image.protected.as_ptr_range().end <= file.as_ptr_range().end);
            prop_assert!(image.needs >= 0x10_0000 + image.protected.len() as u64);
        }
    }
}
