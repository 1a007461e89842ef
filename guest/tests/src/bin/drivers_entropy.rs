//! A driver that was not written for the Host's entropy source alone: it fills what it is given, with
//! something else each time.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use drivers::Ram;
use drivers::device::rng::VirtIORng;
use drivers::transport::Transport;

kit::guest_test!(drivers_entropy);

const LEN: usize = 256;

fn drivers_entropy() {
    drivers::on_device!(EntropySource, fills);
}

fn fills(device: impl Transport) {
    let mut source = VirtIORng::<Ram, _>::new(device).expect("the driver starts");
    let mut takes = [[0; LEN]; 20];
    for take in &mut takes {
        assert_eq!(source.request_entropy(take), Ok(LEN));
    }
    for (index, take) in takes.iter().enumerate() {
        assert!(takes[..index].iter().all(|before| before != take), "take {index} has been there before");
        let ones: u32 = take.iter().map(|byte| byte.count_ones()).sum();
        assert!((824..=1224).contains(&ones), "{ones} of 2048 bits are ones");
    }
    drop(source);
}
