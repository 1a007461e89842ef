//! Images against layouts, and any bytes at all against the loader.

use abi::{GuestMemory, GuestResult};
use alloc::string::ToString;

use proptest::prelude::*;

use super::*;
use crate::{
    bzimage::BzImageError,
    config::MIB,
    elf::ElfError,
    fakes::{BzImageFile, ElfFile, Part, Ram},
    fields::Truncated,
    layout::Area,
};

const AT: u32 = 0x10_0000;

fn layout() -> Layout {
    Layout::admit(2 * MIB, 0x1000, u32::MAX).unwrap()
}

/// Judges a file for 2 MiB of RAM with an initrd of a page.
fn admit(file: &[u8]) -> Result<Image<'_>, ImageError> {
    let image = Image::read(file)?;
    assert_eq!(image.lay_out(2 * MIB, 0x1000)?, layout());
    Ok(image)
}

fn refusal(file: &ElfFile) -> ImageError {
    admit(&file.0).expect_err("the image should be refused")
}

/// Copies an image's parts, and says where to start.
fn load(image: &Image<'_>, ram: &mut Ram) -> GuestResult<GuestPhys> {
    image.parts().try_for_each(|(at, bytes)| ram.write_from(at, bytes))?;
    Ok(image.entry())
}

#[test]
fn segments_land_where_they_want_to_be() {
    let parts = [Part::new(0x2000, b"low"), Part { memory_len: 9, ..Part::new(AT, b"high") }];
    let file = ElfFile::new(0x2001, &parts);
    let mut ram = Ram::zeroed(3 * MIB);
    let entry = load(&admit(&file.0).unwrap(), &mut ram);
    assert_eq!(entry, Ok(GuestPhys(0x2001)));
    assert_eq!(&ram[0x2000..0x2004], b"low\0");
    assert_eq!(&ram[AT as usize..AT as usize + 5], b"high\0");
}

#[test]
fn a_bzimage_is_recognised_and_other_files_are_not_guessed_at() {
    let mut bytes = vec![0; 0x400];
    assert_eq!(refusal(&ElfFile(bytes.clone())), ImageError::UnknownKind);
    bytes[0x202..0x206].copy_from_slice(b"HdrS");
    assert_eq!(refusal(&ElfFile(bytes)), BzImageError::OldProtocol { version: 0 }.into());
    assert_eq!(refusal(&ElfFile(Vec::new())), ImageError::UnknownKind);
    assert_eq!(refusal(&ElfFile(b"\x7fEL".to_vec())), ImageError::UnknownKind);
}

#[test]
fn a_segment_on_top_of_something_is_refused() {
    let places = [
        (0, 4, Area::BootParams),
        (0x1FFF, 4, Area::CommandLine),
        (2 * MIB - 0x1004, 8, Area::Initrd),
        (2 * MIB, 4, Area::DevicePages),
        (3 * MIB - 1, 1, Area::DevicePages),
        (3 * MIB, 4, Area::Nothing),
        (0xFFFF_FFFE, 4, Area::Nothing),
        (AT, 0xFFFF_FFFF, Area::Initrd),
    ];
    for (at, len, area) in places {
        let file = ElfFile::new(at, &[Part { memory_len: len, ..Part::new(at, &[1]) }]);
        assert_eq!(refusal(&file), ImageError::Obstacle { segment: 0, at: GuestPhys(at), len, area });
    }
}

#[test]
fn segments_may_touch_but_not_overlap() {
    let touching = [Part::new(AT, &[1; 8]), Part::new(AT + 8, &[2; 8])];
    for parts in [touching.clone(), [touching[1].clone(), touching[0].clone()]] {
        assert!(admit(&ElfFile::new(AT, &parts).0).is_ok());
    }
    let overlapping = [Part::new(AT + 7, &[1; 8]), Part::new(0x2000, &[3]), Part::new(AT, &[2; 8])];
    assert_eq!(refusal(&ElfFile::new(AT, &overlapping)), ImageError::Overlap { first: 0, second: 2 });
}

#[test]
fn an_entry_outside_the_segments_is_refused() {
    let part = Part { memory_len: 16, ..Part::new(AT, &[1]) };
    assert!(admit(&ElfFile::new(AT + 15, std::slice::from_ref(&part)).0).is_ok());
    for entry in [AT - 1, AT + 16, 0, 0xC010_0000] {
        let file = ElfFile::new(entry, std::slice::from_ref(&part));
        assert_eq!(refusal(&file), ImageError::EntryOutside { entry: GuestPhys(entry) });
    }
}

#[test]
fn every_sentence_names_the_fault() {
    let obstacle =
        ImageError::Obstacle { segment: 2, at: GuestPhys(0x200_0000), len: 64, area: Area::DevicePages };
    let sentences = [
        (
            ElfError::from(Truncated { needed: 84, len: 60 }).into(),
            "is truncated: it needs 84 bytes and has 60",
        ),
        (ElfError::Not32Bit.into(), "is an ELF file of 64 bits; a Guest is 32-bit code"),
        (
            obstacle,
            "has a segment 2 of 64 bytes at 0x02000000, which overlaps the device page or the rings, above the end of RAM",
        ),
        (
            ImageError::EntryOutside { entry: GuestPhys(16) },
            "would start at 0x00000010, outside its segments",
        ),
    ];
    for (error, sentence) in sentences {
        assert_eq!(error.to_string(), sentence);
    }
}

#[test]
fn a_bzimage_lands_at_1_mib_and_brings_its_header() {
    let file = BzImageFile::small();
    let image = admit(&file.0).unwrap();
    let mut ram = Ram::zeroed(3 * MIB);
    assert_eq!(load(&image, &mut ram), Ok(GuestPhys(AT)));
    assert_eq!(&ram[AT as usize..AT as usize + 5], [0x0F, 0x0B, 0x0F, 0x0B, 0]);
    assert_eq!(image.header(), &file.0[0x1F1..0x268]);
    assert_eq!(image.release().unwrap().to_string(), "3.11.10-small");
}

#[test]
fn too_little_memory_says_how_much_would_do() {
    let mut file = BzImageFile::small();
    file.put32(0x230, 16 * MIB).put32(0x260, 6 * MIB - 0x2000);
    let image = Image::read(&file.0).unwrap();
    assert_eq!(image.lay_out(21 * MIB, 0), Err(ImageError::TooLittleMemory { wanted: 22 }));
    assert!(image.lay_out(22 * MIB, 0x2000).is_ok());
    assert_eq!(image.lay_out(22 * MIB, 0x2001), Err(ImageError::TooLittleMemory { wanted: 23 }));
    assert!(image.lay_out(23 * MIB, 0x2001).is_ok());
}

#[test]
fn a_command_line_has_the_room_its_kernel_leaves_it() {
    let (linux, elf) = (BzImageFile::small().0, ElfFile::small().0);
    for (file, max) in [(linux, 255), (elf, 2047)] {
        let image = Image::read(&file).unwrap();
        assert_eq!(image.check_command_line(&"x".repeat(max)), Ok(()));
        let error = ImageError::CommandLineTooLong { len: max + 1, max };
        assert_eq!(image.check_command_line(&"x".repeat(max + 1)), Err(error));
    }
}

#[test]
fn a_linux_before_pci_must_not_be_told_of_other_memory() {
    let judge = |release: &str, line: &str| {
        let file = BzImageFile::new(release, &[0x90]);
        Image::read(&file.0).unwrap().check_command_line(line)
    };
    for line in ["quiet mem=64M", "memmap=1M$2M"] {
        assert_eq!(judge("3.19.8", line), Err(ImageError::MovesDevices));
        assert_eq!(judge("4.0.0", line), Ok(()));
    }
    assert_eq!(judge("3.19.8", "mem=nopentium highmem=1M"), Ok(()));
    assert_eq!(Image::read(&ElfFile::small().0).unwrap().check_command_line("mem=1"), Ok(()));
}

/// A file whose fields may be bent to anything, at the places where fields are.
fn bent_file() -> impl Strategy<Value = ElfFile> {
    let small_or_any = prop_oneof![0u32..0x40, 0x1000u32..0x4000, 0x0F_0000u32..0x32_0000, any::<u32>()];
    let bend = (0usize..29, small_or_any);
    prop::collection::vec(bend, 0..4).prop_map(|bends| {
        let mut file = ElfFile::new(AT, &[Part::new(AT, &[1; 40]), Part::new(AT + 40, &[2; 8])]);
        for (field, value) in bends {
            // Dwords from e_type to the end of the second program header.
            file.put32(16 + 4 * field.min(24), value);
        }
        file
    })
}

proptest! {
    #[test]
    fn any_file_is_refused_or_loads_inside_its_segments(file in bent_file()) {
        let layout = layout();
        if let Ok(image) = admit(&file.0) {
            let mut ram = Ram::zeroed(3 * MIB);
            prop_assert!(load(&image, &mut ram).is_ok());
            for segment in &image.segments {
                prop_assert_eq!(layout.obstacle(segment.at, segment.memory_len), None);
                ram[segment.at.0 as usize..segment.end() as usize].fill(0);
            }
            prop_assert!(ram == Ram::zeroed(3 * MIB), "a byte outside the segments was written");
        }
    }

    #[test]
    fn any_bytes_behind_the_magic_do_not_panic(tail in prop::collection::vec(any::<u8>(), 0..200)) {
        let file = [b"\x7fELF\x01\x01".as_slice(), &tail].concat();
        _ = admit(&file);
    }
}
