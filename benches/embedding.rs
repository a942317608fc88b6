//! From a file's bytes to features: decoding and framing, and the forward pass of the built-in network.

use std::io::Cursor;

use divan::Bencher;
use divan::counter::ItemsCount;
use image::{ImageFormat, Rgb, RgbImage};
use twinset::embedding::CROP;
use twinset::embedding::network::{Network, Scratch, Variant};
use twinset::photos;

fn main() {
    divan::main();
}

/// Smooth slopes with some grain, which compress about as a product photo does.
fn photo(width: u32, height: u32) -> RgbImage {
    let slope = |at: u32, period: u32| (at % (2 * period)).abs_diff(period) * 60 / period;
    RgbImage::from_fn(width, height, |x, y| {
        let grain = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)) >> 29;
        let channel = |base, period| {
            u8::try_from(base + slope(x, period) + slope(y, period) + grain).expect("at most 120 + 60 + 60 + 7")
        };
        Rgb([channel(120, 90), channel(100, 60), channel(80, 40)])
    })
}

fn file(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    photo(width, height).write_to(&mut bytes, format).expect("an encoder for this format is compiled in");
    bytes.into_inner()
}

fn framed(bytes: &[u8]) -> Vec<u8> {
    let side = Variant::Lite0.side();
    let photo = photos::decode_for(bytes, CROP, side).expect("the file was just encoded");
    photos::crop_and_resize(&photo, CROP, side)
}

#[divan::bench(args = [(400, 533), (1000, 1000)])]
fn decode_and_frame_jpeg(bencher: Bencher, (width, height): (u32, u32)) {
    let bytes = file(width, height, ImageFormat::Jpeg);
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| framed(divan::black_box(&bytes)));
}

#[divan::bench(args = [(400, 533), (1000, 1000)])]
fn decode_and_frame_png(bencher: Bencher, (width, height): (u32, u32)) {
    let bytes = file(width, height, ImageFormat::Png);
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| framed(divan::black_box(&bytes)));
}

#[divan::bench]
fn forward_pass(bencher: Bencher) {
    let network = Network::built_in(Variant::Lite0);
    let picture = framed(&file(400, 533, ImageFormat::Jpeg));
    let mut scratch = Scratch::default();
    bencher
        .counter(ItemsCount::new(1_usize))
        .bench_local(|| network.features(divan::black_box(&picture), &mut scratch));
}

#[divan::bench]
fn load_weights() -> Network {
    Network::built_in(Variant::Lite0)
}
