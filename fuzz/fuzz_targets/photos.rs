//! Bytes that claim to be pictures: decoded whole and for what is looked at, neither may panic, and both give as many bytes as
//! the photo's sides say. That a decoder of some format panics is contained and no finding here.

#![no_main]

use std::sync::Once;

use libfuzzer_sys::fuzz_target;
use twinset::photos::{self, Photo};

static QUIET: Once = Once::new();

fuzz_target!(|bytes: &[u8]| {
    // Otherwise a panic ends the process even where it is caught.
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    let looked_at = [16, 40].map(|side| photos::decode_for(bytes, 0.875, side));
    for photo in [photos::decode(bytes).map(Photo::Rgb)].into_iter().chain(looked_at).flatten() {
        let mut is_small = true;
        if let Photo::Rgb(colors) = &photo {
            let sides = u64::from(colors.width()) * u64::from(colors.height()) * 3;
            if u64::try_from(colors.pixels().len()) != Ok(sides) {
                eprintln!("{photo:?} has {} bytes", colors.pixels().len());
                std::process::abort();
            }
            is_small = sides < 1 << 20;
        }
        if is_small && photos::crop_and_resize(&photo, 0.875, 16).len() != 16 * 16 * 3 {
            std::process::abort();
        }
    }
});
