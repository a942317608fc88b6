//! Bytes that claim to be pictures: decoded whole and for what is looked at, neither may panic, and both give as many bytes as
//! the photo's sides say. That a decoder of some format panics is contained and no finding here.

#![no_main]

use std::sync::Once;

use libfuzzer_sys::fuzz_target;
use twinset::photos;

static QUIET: Once = Once::new();

fuzz_target!(|bytes: &[u8]| {
    // Otherwise a panic ends the process even where it is caught.
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    for photo in [photos::decode(bytes), photos::decode_for(bytes, 0.875, 16)].into_iter().flatten() {
        let sides = u64::from(photo.width()) * u64::from(photo.height()) * 3;
        if u64::try_from(photo.pixels().len()) != Ok(sides) {
            eprintln!("{photo:?} has {} bytes", photo.pixels().len());
            std::process::abort();
        }
        if sides < 1 << 20 && photos::crop_and_resize(&photo, 0.875, 16).len() != 16 * 16 * 3 {
            std::process::abort();
        }
    }
});
