//! Colors: by profile, of printing inks, and what of a PNG may be damaged.

use moxcms::ColorProfile;

use super::*;

fn with_profile(color: [u8; 3], profile: &[u8], format: ImageFormat) -> Vec<u8> {
    let picture = image::RgbImage::from_pixel(16, 16, image::Rgb(color));
    let mut bytes = Vec::new();
    if format == ImageFormat::Png {
        let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
        encoder.set_icc_profile(profile.to_vec()).unwrap();
        picture.write_with_encoder(encoder).unwrap();
    } else {
        let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 100);
        encoder.set_icc_profile(profile.to_vec()).unwrap();
        picture.write_with_encoder(encoder).unwrap();
    }
    bytes
}

#[test]
fn colors_are_shown_by_their_profile() {
    let wide = ColorProfile::new_adobe_rgb().encode().unwrap();
    for format in [ImageFormat::Png, ImageFormat::Jpeg] {
        let photo = decode(&with_profile([120, 140, 100], &wide, format)).unwrap();
        // What the definitions of both spaces come to.
        let far = pixel(&photo, 3, 3).iter().zip([111_u8, 141, 98]).map(|(a, b)| a.abs_diff(b)).max();
        assert!(far <= Some(3), "{:?}", pixel(&photo, 3, 3));
    }
    let own = ColorProfile::new_srgb().encode().unwrap();
    let photo = decode(&with_profile([120, 140, 100], &own, ImageFormat::Png)).unwrap();
    assert_eq!(pixel(&photo, 3, 3), [120, 140, 100]);
}

#[test]
fn gray_has_profiles_too() {
    let gray = image::GrayImage::from_pixel(4, 4, image::Luma([100]));
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    encoder.set_icc_profile(ColorProfile::new_gray_with_gamma(1.0).encode().unwrap()).unwrap();
    gray.write_with_encoder(encoder).unwrap();
    // 100 of 255 of the light.
    let pixel = pixel(&decode(&bytes).unwrap(), 1, 1);
    assert!(pixel[0].abs_diff(168) <= 2 && pixel == [pixel[0]; 3], "{pixel:?}");
}

#[test]
fn a_profile_that_is_broken_or_of_other_samples_is_ignored() {
    let gray = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    let wide = ColorProfile::new_adobe_rgb().encode().unwrap();
    for profile in [&gray[..], b"no profile", &wide[..200], &[0; 500]] {
        for format in [ImageFormat::Png, ImageFormat::Jpeg] {
            let photo = decode(&with_profile([120, 140, 100], profile, format)).unwrap();
            assert!(close(pixel(&photo, 3, 3), [120, 140, 100]), "{format:?}: {:?}", pixel(&photo, 3, 3));
        }
    }
}

#[test]
fn inks_are_light_where_adobe_says_so() {
    for (name, bytes) in [
        ("light", &include_bytes!("../../../../tests/images/cmyk-adobe.jpg")[..]),
        ("ink", include_bytes!("../../../../tests/images/cmyk-ink.jpg")),
        ("luma and chroma", include_bytes!("../../../../tests/images/ycck-adobe.jpg")),
    ] {
        for photo in [decode(bytes).unwrap(), rgb(decode_for(bytes, 0.875, 4).unwrap())] {
            assert!(close(pixel(&photo, 12, 8), [200, 40, 40]), "{name}: {:?}", pixel(&photo, 12, 8));
            assert!(close(pixel(&photo, 20, 8), [30, 60, 190]), "{name}: {:?}", pixel(&photo, 20, 8));
        }
    }
}

/// A profile of inks that says of each mixture of full ones what color it is, in Lab with 8 bits (`lut8Type` of ICC.1:2022,
/// section 10.11): paper is white, cyan ink alone is `cyan`, everything else is black.
fn of_inks(cyan: [u8; 3]) -> Vec<u8> {
    let number = |value: u32| value.to_be_bytes();
    let straight: Vec<u8> = (0..=255).collect();
    let mut table = [&b"mft1"[..], &[0; 4], &[4, 3, 2, 0]].concat();
    for at in 0..9 {
        table.extend(number(if at % 4 == 0 { 0x1_0000 } else { 0 }));
    }
    table.extend(straight.repeat(4));
    for mixture in 0..16 {
        table.extend(match mixture {
            0 => [255, 128, 128],
            8 => cyan,
            _ => [0, 128, 128],
        });
    }
    table.extend(straight.repeat(3));
    let size = u32::try_from(table.len()).unwrap();
    let mut header = [&number(144 + size)[..], &[0; 4], &[2, 0x40, 0, 0], b"prtrCMYKLab ", &[0; 12], b"acsp"].concat();
    header.resize(68, 0);
    header.extend([0xF6D6, 0x1_0000, 0xD32D].into_iter().flat_map(number));
    header.resize(128, 0);
    [&header[..], &number(1), b"A2B0", &number(144), &number(size), &table].concat()
}

#[test]
fn inks_have_profiles_too() {
    let bytes = include_bytes!("../../../../tests/images/cmyk-cyan.jpg");
    let with = |profile: &[u8]| {
        let size = u16::try_from(16 + profile.len()).unwrap().to_be_bytes();
        [&bytes[..2], &[0xFF, 0xE2], &size, b"ICC_PROFILE\0\x01\x01", profile, &bytes[2..]].concat()
    };
    assert!(close(pixel(&decode(bytes).unwrap(), 4, 8), [0, 255, 255]));
    let green = of_inks([128, 68, 168]);
    for photo in [decode(&with(&green)).unwrap(), rgb(decode_for(&with(&green), 0.875, 4).unwrap())] {
        // Lab (50.2, -60, 40), by the definitions of Lab and sRGB.
        assert!(close(pixel(&photo, 4, 8), [0, 142, 42]), "{:?}", pixel(&photo, 4, 8));
        assert!(close(pixel(&photo, 28, 8), [255; 3]), "{:?}", pixel(&photo, 28, 8));
    }
    let broken = &green[..green.len() - 900];
    assert!(close(pixel(&decode(&with(broken)).unwrap(), 4, 8), [0, 255, 255]));
}

/// A PNG of one pixel with a chunk more in front of the data.
fn with_chunk(extra: &[u8]) -> Vec<u8> {
    let data = [0x78, 0x01, 0x01, 0x04, 0x00, 0xFB, 0xFF, 0x00, 10, 20, 30, 0x00, 0xB3, 0x00, 0x3D];
    [&png_header(1, 1, 8, 2)[..], extra, &chunk(*b"IDAT", &data), &chunk(*b"IEND", &[])].concat()
}

#[test]
fn a_damaged_addition_does_not_cost_a_png() {
    assert_eq!(decode(&with_chunk(&[])).unwrap().pixels(), [10, 20, 30]);
    let sound = chunk(*b"iCCP", b"name\0\0no zlib stream at all");
    let mut wrong_sum = sound.clone();
    *wrong_sum.last_mut().unwrap() ^= 1;
    let twice = [sound.clone(), sound.clone()].concat();
    let short = chunk(*b"gAMA", &[1]);
    let no_sense = chunk(*b"eXIf", b"MM\0\x2A\0\0\0\xFF");
    for extra in [sound, wrong_sum, twice, short, no_sense, chunk(*b"cHRM", &[0xFF; 31]), chunk(*b"tEXt", &[0; 90])] {
        assert_eq!(decode(&with_chunk(&extra)).unwrap().pixels(), [10, 20, 30], "{extra:?}");
    }
}

#[test]
fn a_wrong_checksum_in_what_carries_the_picture_is_a_fault() {
    let whole = with_chunk(&chunk(*b"iCCP", b"name\0\0x"));
    for (name, at) in [("IHDR", 4 + 13), ("IDAT", 4 + 15)] {
        let mut bytes = whole.clone();
        let found = bytes.windows(4).position(|kind| kind == name.as_bytes()).unwrap();
        bytes[found + at] ^= 1;
        assert_eq!(code(&bytes), "image_broken", "{name}");
    }
}
