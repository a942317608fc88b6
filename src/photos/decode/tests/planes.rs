//! JPEGs at their full size as planes, beside the same as colors.

use super::*;

const HALVES: &[u8] = include_bytes!("../../../../tests/images/halves.jpg");
const RESTARTS: &[u8] = include_bytes!("../../../../tests/images/restarts.jpg");

fn is_planes(bytes: &[u8], side: u32) -> bool {
    matches!(decode_for(bytes, 0.875, side), Ok(Photo::Planes(_)))
}

#[test]
fn planes_give_almost_the_same_square() {
    for (name, bytes) in [("chroma at half the size", HALVES), ("restarts", RESTARTS)] {
        // Smaller, as large, larger than the picture.
        for side in [62, 105, 224] {
            assert!(is_planes(bytes, side), "{name} {side}");
            let (mean, most) = apart(bytes, 0.875, side);
            assert!(mean < 0.7 && most <= 4, "{name} {side}: {mean} {most}");
        }
    }
}

#[test]
fn squares_of_any_shape_are_found_in_their_place() {
    for (width, height) in
        [(201, 163), (163, 201), (97, 33), (33, 97), (16, 16), (130, 131), (1000, 40), (3, 5), (1, 1)]
    {
        for gray in [false, true] {
            let picture = slopes(width, height);
            let picture = if gray { DynamicImage::from(picture.to_luma8()) } else { picture };
            let bytes = encode(&picture, ImageFormat::Jpeg);
            for (crop, side) in [(0.875, 100), (1.0, 99), (0.5, 224)] {
                assert!(matches!(decode_for(&bytes, crop, side), Ok(Photo::Planes(_))), "{width} x {height}");
                let (mean, most) = apart(&bytes, crop, side);
                assert!(mean < 0.6 && most <= 4, "{width} x {height}, {crop}, {side}: {mean} {most}");
            }
        }
    }
}

#[test]
fn planes_stand_upright_too() {
    let upright = slopes(103, 165);
    let square = |orientation| {
        let bytes = stored(&upright, orientation, ImageFormat::Jpeg);
        assert!(is_planes(&bytes, 96), "{orientation}");
        crop_and_resize(&decode_for(&bytes, 0.875, 96).unwrap(), 0.875, 96)
    };
    let expected = square(1);
    for orientation in 2..=8 {
        let far = square(orientation).iter().zip(&expected).map(|(&a, &b)| a.abs_diff(b)).max().unwrap();
        assert!(far <= 6, "{orientation}: {far}");
    }
}

#[test]
fn one_photo_gives_smaller_squares_too() {
    let photo = decode_for(HALVES, 0.875, 105).unwrap();
    let whole = decode(HALVES).unwrap().into();
    for side in [105, 90, 24, 3, 1] {
        let (square, expected) = (crop_and_resize(&photo, 0.875, side), crop_and_resize(&whole, 0.875, side));
        let far = square.iter().zip(&expected).map(|(&a, &b)| a.abs_diff(b)).max().unwrap();
        assert!(square.len() == expected.len() && far <= 4, "{side}: {far}");
    }
}

#[test]
fn the_same_file_always_gives_the_same_square() {
    // What is left in memory that is used again must not show.
    let square = |bytes: &[u8], side| crop_and_resize(&decode_for(bytes, 0.875, side).unwrap(), 0.875, side);
    let expected = square(HALVES, 77);
    for _ in 0..3 {
        for (width, height, side) in [(300, 170, 110), (31, 31, 25), (400, 90, 224)] {
            square(&encode(&slopes(width, height), ImageFormat::Jpeg), side);
        }
        square(RESTARTS, 224);
        assert!(square(HALVES, 77) == expected);
    }
}

#[test]
fn what_is_no_plain_scan_is_left_to_the_whole_decoder() {
    let colors = image::codecs::jpeg::JpegEncoder::new_with_quality;
    let mut profile = Vec::new();
    let mut encoder = colors(&mut profile, 90);
    encoder.set_icc_profile(moxcms::ColorProfile::new_adobe_rgb().encode().unwrap()).unwrap();
    slopes(64, 64).to_rgb8().write_with_encoder(encoder).unwrap();
    let progressive = include_bytes!("../../../../tests/images/progressive.jpg");
    let inks = include_bytes!("../../../../tests/images/cmyk-adobe.jpg");
    // A marker is missing between two rows of blocks.
    let restart = RESTARTS.windows(2).rposition(|bytes| matches!(bytes, [0xFF, 0xD0..=0xD7])).unwrap();
    let damaged = [&RESTARTS[..restart], &RESTARTS[restart + 2..]].concat();
    for (name, bytes) in
        [("a profile", &profile[..]), ("many scans", progressive), ("inks", inks), ("a lost marker", &damaged)]
    {
        assert!(!is_planes(bytes, 100), "{name}");
    }
}
