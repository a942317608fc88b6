//! JPEGs decoded for what is looked at, beside the same decoded whole.

use super::*;

const WAVES: [&[u8]; 2] = [
    include_bytes!("../../../../tests/images/progressive.jpg"),
    include_bytes!("../../../../tests/images/restarts.jpg"),
];

#[test]
fn a_reduced_jpeg_gives_almost_the_same_square() {
    for bytes in WAVES {
        for (crop, side, short) in [(0.875, 24, 60), (1.0, 12, 30), (0.5, 3, 15)] {
            let photo = rgb(decode_for(bytes, crop, side).unwrap());
            assert_eq!((photo.width(), photo.height()), (short * 4 / 3, short));
            let (mean, most) = apart(bytes, crop, side);
            assert!(mean < 1.5 && most <= 10, "{crop} {side}: {mean} {most}");
        }
    }
}

#[test]
fn sides_that_are_no_multiple_do_not_move_the_picture() {
    for (width, height) in [(201, 163), (163, 201), (255, 249), (130, 131), (1000, 90)] {
        for gray in [false, true] {
            let picture = slopes(width, height);
            let picture = if gray { DynamicImage::from(picture.to_luma8()) } else { picture };
            let (mean, most) = apart(&encode(&picture, ImageFormat::Jpeg), 0.875, 16);
            assert!(mean < 1.0 && most <= 6, "{width} x {height}: {mean} {most}");
        }
    }
}

#[test]
fn a_reduced_jpeg_stands_upright_too() {
    let upright = slopes(203, 165);
    let expected = crop_and_resize(&RgbPhoto::new(203, 165, upright.to_rgb8().into_raw()).unwrap().into(), 0.875, 16);
    for orientation in 1..=8 {
        let photo = rgb(decode_for(&stored(&upright, orientation, ImageFormat::Jpeg), 0.875, 16).unwrap());
        assert_eq!((photo.width(), photo.height()), (51, 42), "{orientation}");
        let square = crop_and_resize(&photo.into(), 0.875, 16);
        let far = square.iter().zip(&expected).map(|(&a, &b)| a.abs_diff(b)).max().unwrap();
        assert!(far <= 6, "{orientation}: {far}");
    }
}

#[test]
fn rows_that_nobody_looks_at_change_nothing() {
    // Too small to be reduced, and with a profile, so that the whole decoder has it: it stops below the square.
    for (width, height) in [(40, 200), (64, 65), (33, 47), (200, 40)] {
        let mut bytes = Vec::new();
        let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 90);
        encoder.set_icc_profile(moxcms::ColorProfile::new_adobe_rgb().encode().unwrap()).unwrap();
        slopes(width, height).to_rgb8().write_with_encoder(encoder).unwrap();
        rgb(decode_for(&bytes, 0.875, 32).unwrap());
        assert_eq!(apart(&bytes, 0.875, 32), (0.0, 0), "{width} x {height}");
    }
}

#[test]
fn the_same_file_always_gives_the_same_pixels() {
    // What is left in memory that is used again must not show.
    let expected: Vec<_> = WAVES.iter().map(|bytes| rgb(decode_for(bytes, 0.875, 24).unwrap())).collect();
    for _ in 0..3 {
        decode_for(&encode(&slopes(700, 300), ImageFormat::Jpeg), 0.875, 24).unwrap();
        for (bytes, expected) in WAVES.iter().zip(&expected) {
            assert!(rgb(decode_for(bytes, 0.875, 24).unwrap()) == *expected);
        }
    }
}

#[test]
fn names_of_components_say_that_they_are_colors() {
    // Luma and chroma of a green, which then pass for red, green and blue.
    let mut bytes = encode(&image::RgbImage::from_pixel(64, 64, image::Rgb([128, 200, 128])).into(), ImageFormat::Jpeg);
    let jfif = bytes.windows(4).position(|bytes| bytes == b"JFIF").unwrap();
    bytes[jfif] = b'X';
    let frame = bytes.windows(2).position(|bytes| bytes == [0xFF, 0xC0]).unwrap() + 10;
    let scan = bytes.windows(2).position(|bytes| bytes == [0xFF, 0xDA]).unwrap() + 5;
    for (number, name) in b"RGB".iter().enumerate() {
        bytes[frame + 3 * number] = *name;
        bytes[scan + 2 * number] = *name;
    }
    let samples = [170, 104, 98];
    for photo in [decode(&bytes).unwrap(), rgb(decode_for(&bytes, 0.875, 8).unwrap())] {
        let middle = photo.width() / 2;
        assert!(close(pixel(&photo, middle, middle), samples), "{:?}", pixel(&photo, middle, middle));
    }
}

#[test]
fn ten_thousand_scans_are_refused() {
    let bytes = WAVES[0];
    let scan = (0..bytes.len()).rev().find(|&at| bytes[at..].starts_with(&[0xFF, 0xDA])).unwrap();
    let end = bytes.len() - 2;
    let mut many = bytes[..end].to_vec();
    for _ in 0..10_000 {
        many.extend(&bytes[scan..end]);
    }
    many.extend(&bytes[end..]);
    assert_eq!(code(&many), "image_broken");
    assert_eq!(decode_for(&many, 0.875, 24).unwrap_err().code, "image_broken");
}
