//! Pictures made here, byte by byte where an encoder would refuse to write them.

use image::{ExtendedColorType, GenericImageView, ImageEncoder};

use super::*;
use crate::photos::crop_and_resize;

mod damage;
mod planes;
mod profiles;
mod reduction;

fn encode(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// 32 x 16, the left half red, the right half blue.
fn flag() -> DynamicImage {
    image::RgbImage::from_fn(32, 16, |x, _| image::Rgb(if x < 16 { [255, 0, 0] } else { [0, 0, 255] })).into()
}

/// A photo that is kept in its colors.
fn rgb(photo: Photo) -> RgbPhoto {
    match photo {
        Photo::Rgb(photo) => photo,
        Photo::Planes(planes) => panic!("{planes:?}"),
    }
}

/// How far the squares are apart that a file gives decoded whole and for what is looked at, on average and at most.
fn apart(bytes: &[u8], crop: f64, side: u32) -> (f64, u8) {
    let (whole, part) = (decode(bytes).unwrap().into(), decode_for(bytes, crop, side).unwrap());
    let (whole, part) = (crop_and_resize(&whole, crop, side), crop_and_resize(&part, crop, side));
    let differences = whole.iter().zip(&part).map(|(&a, &b)| a.abs_diff(b));
    let sum: f64 = differences.clone().map(f64::from).sum();
    (sum / whole.len() as f64, differences.max().unwrap())
}

fn code(bytes: &[u8]) -> &'static str {
    decode(bytes).unwrap_err().code
}

fn pixel(photo: &RgbPhoto, x: u32, y: u32) -> [u8; 3] {
    let at = ((y * photo.width() + x) * 3) as usize;
    photo.pixels()[at..at + 3].try_into().unwrap()
}

fn close(a: [u8; 3], b: [u8; 3]) -> bool {
    a.iter().zip(b).all(|(&a, b)| a.abs_diff(b) <= 12)
}

#[test]
fn every_format_is_known_by_its_content() {
    use ImageFormat::{Bmp, Gif, Jpeg, Png, Tiff, WebP};
    for format in [Jpeg, Png, WebP, Gif, Bmp, Tiff] {
        let photo = decode(&encode(&flag(), format)).unwrap();
        assert_eq!((photo.width(), photo.height()), (32, 16), "{format:?}");
        assert!(close(pixel(&photo, 2, 2), [255, 0, 0]), "{format:?}");
        assert!(close(pixel(&photo, 29, 13), [0, 0, 255]), "{format:?}");
    }
}

#[test]
fn other_content_is_refused_whatever_its_name() {
    assert_eq!(code(b"<html>404 not found</html>"), "image_format");
    assert_eq!(code(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "image_format");
    assert_eq!(code(b"P6 1 1 255 abc"), "image_format");
    assert_eq!(code(b""), "image_broken");
}

/// What EXIF holds where it says nothing but an orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let mut exif = b"MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    exif
}

/// The picture as a camera stores it that was held so, in one of the formats that can say so.
fn stored(upright: &DynamicImage, orientation: u8, format: ImageFormat) -> Vec<u8> {
    let mut picture = upright.clone();
    // Turning back is turning by the other quarter; everything else is its own opposite.
    let back = [0, 1, 2, 3, 4, 5, 8, 7, 6][usize::from(orientation)];
    picture.apply_orientation(Orientation::from_exif(back).unwrap());
    let mut bytes = Vec::new();
    let rgb = picture.to_rgb8();
    match format {
        ImageFormat::Jpeg => {
            let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 95);
            encoder.set_exif_metadata(exif(orientation)).unwrap();
            rgb.write_with_encoder(encoder).unwrap();
        }
        ImageFormat::Png => {
            let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
            encoder.set_exif_metadata(exif(orientation)).unwrap();
            rgb.write_with_encoder(encoder).unwrap();
        }
        ImageFormat::Tiff => bytes = tiff(&rgb, orientation),
        _ => {
            let mut encoder = image::codecs::webp::WebPEncoder::new_lossless(&mut bytes);
            encoder.set_exif_metadata(exif(orientation)).unwrap();
            rgb.write_with_encoder(encoder).unwrap();
        }
    }
    bytes
}

/// A TIFF in one strip, with a tag that no encoder here writes.
fn tiff(picture: &image::RgbImage, orientation: u8) -> Vec<u8> {
    let (width, height) = picture.dimensions();
    // Width, height, bits of a sample, no compression, RGB, where the strip is, orientation, samples of a pixel, rows and bytes of it.
    let tags = [0x100, 0x101, 0x102, 0x103, 0x106, 0x111, 0x112, 0x115, 0x116, 0x117];
    let end = 10 + 12 * 10 + 4;
    let values = [width, height, end, 1, 2, end + 6, orientation.into(), 3, height, width * height * 3];
    let mut bytes = b"II\x2A\0\x08\0\0\0\x0A\0".to_vec();
    for (tag, value) in tags.into_iter().zip(values) {
        let (kind, count) = if tag == 0x102 { (3_u16, 3_u32) } else { (4, 1) };
        bytes.extend(u16::to_le_bytes(tag));
        bytes.extend(kind.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend([0, 0, 0, 0, 8, 0, 8, 0, 8, 0]);
    bytes.extend(picture.as_raw());
    bytes
}

/// Smooth slopes that no turn maps onto themselves.
fn slopes(width: u32, height: u32) -> DynamicImage {
    let part = |at: u32, of: u32| u8::try_from(at * 255 / of).unwrap();
    image::RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([part(x, width), part(y, height), part(x * y, width * height)])
    })
    .into()
}

#[test]
fn all_eight_orientations_give_the_same_pixels() {
    let upright = slopes(48, 32);
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff] {
        for orientation in 1..=8 {
            let photo = decode(&stored(&upright, orientation, format)).unwrap();
            assert_eq!((photo.width(), photo.height()), (48, 32), "{format:?} {orientation}");
            let far = photo.pixels().iter().zip(upright.as_bytes()).map(|(&a, &b)| a.abs_diff(b)).max().unwrap();
            assert!(far <= if format == ImageFormat::Jpeg { 16 } else { 0 }, "{format:?} {orientation}: {far}");
        }
    }
}

#[test]
fn transparency_lies_on_white() {
    let mut picture = image::RgbaImage::new(3, 1);
    picture.put_pixel(0, 0, image::Rgba([10, 20, 30, 0]));
    picture.put_pixel(1, 0, image::Rgba([0, 0, 0, 128]));
    picture.put_pixel(2, 0, image::Rgba([10, 20, 30, 255]));
    let photo = decode(&encode(&picture.into(), ImageFormat::Png)).unwrap();
    assert_eq!(photo.pixels(), [255, 255, 255, 127, 127, 127, 10, 20, 30]);
}

#[test]
fn the_first_frame_of_a_gif_lies_on_white() {
    let frame = |color| image::Frame::new(image::RgbaImage::from_pixel(4, 4, image::Rgba(color)));
    let mut bytes = Vec::new();
    {
        let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
        encoder.encode_frames([frame([0, 200, 0, 255]), frame([200, 0, 0, 255])]).unwrap();
    }
    assert_eq!(pixel(&decode(&bytes).unwrap(), 1, 1), [0, 200, 0]);

    let clear = image::RgbaImage::from_pixel(4, 4, image::Rgba([9, 9, 9, 0]));
    assert_eq!(pixel(&decode(&encode(&clear.into(), ImageFormat::Gif)).unwrap(), 1, 1), [255, 255, 255]);
}

#[test]
fn gray_and_sixteen_bits_become_eight_bit_color() {
    let gray = DynamicImage::ImageLuma8(image::GrayImage::from_pixel(2, 2, image::Luma([90])));
    assert_eq!(pixel(&decode(&encode(&gray, ImageFormat::Png)).unwrap(), 1, 1), [90; 3]);
    assert!(close(pixel(&decode(&encode(&gray, ImageFormat::Jpeg)).unwrap(), 1, 1), [90; 3]));

    let deep = image::ImageBuffer::from_pixel(2, 2, image::Rgb([0xFFFF_u16, 0x8080, 0]));
    let deep = DynamicImage::ImageRgb16(deep);
    for format in [ImageFormat::Png, ImageFormat::Tiff] {
        assert_eq!(pixel(&decode(&encode(&deep, format)).unwrap(), 1, 1), [255, 128, 0], "{format:?}");
    }
}

/// A PNG chunk with its checksum.
fn chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let checksum = kind.iter().chain(data).fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 })
    });
    let length = u32::try_from(data.len()).unwrap();
    [&length.to_be_bytes()[..], &kind, data, &(!checksum).to_be_bytes()].concat()
}

/// The beginning of a PNG: signature and header.
fn png_header(width: u32, height: u32, depth: u8, color: u8) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[depth, color, 0, 0, 0]].concat();
    [&b"\x89PNG\r\n\x1A\n"[..], &chunk(*b"IHDR", &header)].concat()
}

/// Two pixels that are the second and the first color of a palette, with something between palette and picture.
fn palette_png(between: &[u8]) -> Vec<u8> {
    // zlib: a stored block with one row: filter 0, then the indices 1 and 0.
    let data = [0x78, 0x01, 0x01, 0x03, 0x00, 0xFC, 0xFF, 0x00, 0x01, 0x00, 0x00, 0x05, 0x00, 0x02];
    let palette = chunk(*b"PLTE", &[1, 2, 3, 200, 100, 50]);
    [&png_header(2, 1, 8, 3), &palette, between, &chunk(*b"IDAT", &data), &chunk(*b"IEND", &[])].concat()
}

#[test]
fn a_palette_is_looked_up() {
    assert_eq!(decode(&palette_png(&[])).unwrap().pixels(), [200, 100, 50, 1, 2, 3]);
}

#[test]
fn the_first_frame_of_a_webp_is_seen() {
    let photo = decode(include_bytes!("../../../tests/images/animated.webp")).unwrap();
    assert_eq!(pixel(&photo, 8, 8), [0, 160, 0]);
}

#[test]
fn a_palette_may_be_transparent() {
    let png = palette_png(&chunk(*b"tRNS", &[0, 128]));
    assert_eq!(decode(&png).unwrap().pixels(), [227, 177, 152, 255, 255, 255]);
}

#[test]
fn twelve_thousand_pixels_a_side_are_refused() {
    // 144 megapixels of white, in a few kilobytes.
    let white = DynamicImage::ImageLuma8(image::GrayImage::from_pixel(12_000, 12_000, image::Luma([255])));
    let png = encode(&white, ImageFormat::Png);
    assert!(png.len() < 1 << 20, "{}", png.len());
    assert_eq!(code(&png), "image_too_large");
    assert_eq!(decode_for(&png, 0.875, 224).unwrap_err().code, "image_too_large");
}

#[test]
fn a_name_says_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let name = "summer dress \u{1F457} 1.png";
    std::fs::write(folder.path().join(name), encode(&flag(), ImageFormat::Jpeg)).unwrap();
    std::fs::write(folder.path().join("notes.jpg"), "only text").unwrap();
    let root = crate::photos::ImageRoot::open(folder.path()).unwrap();
    assert_eq!(decode(&root.read(name).unwrap()).unwrap().width(), 32);
    assert_eq!(code(&root.read("notes.jpg").unwrap()), "image_format");
}

#[test]
fn a_header_that_claims_too_much_is_refused_before_decoding() {
    let claims = |width, height, depth, color| {
        [png_header(width, height, depth, color), chunk(*b"IDAT", &[0x78, 0x9C]), chunk(*b"IEND", &[])].concat()
    };
    assert_eq!(code(&claims(100_000, 100_000, 8, 2)), "image_too_large");
    assert_eq!(code(&claims(20_001, 1, 8, 2)), "image_too_large");
    assert_eq!(code(&claims(10_000, 8_001, 8, 2)), "image_too_large");
    assert_eq!(code(&claims(9_000, 8_000, 16, 6)), "image_too_large");
    assert_eq!(code(&claims(64, 64, 8, 2)), "image_broken");
}

#[test]
fn a_truncated_file_is_broken() {
    use ImageFormat::{Bmp, Gif, Jpeg, Png, Tiff, WebP};
    let noise =
        image::RgbImage::from_fn(64, 64, |x, y| image::Rgb([(x * 37 + y * 91) as u8, (x * y) as u8, (x ^ y) as u8]));
    let noise = DynamicImage::from(noise);
    assert_eq!(noise.dimensions(), (64, 64));
    for format in [Jpeg, Png, WebP, Gif, Bmp, Tiff] {
        let whole = encode(&noise, format);
        assert!(decode(&whole).is_ok(), "{format:?}");
        for part in [whole.len() / 2, 20] {
            let fault = decode(&whole[..part]).map_err(|fault| fault.code);
            assert!(matches!(fault, Err("image_broken" | "image_format")), "{format:?} cut to {part}: {fault:?}");
        }
    }
}

#[test]
fn bytes_after_the_end_of_a_jpeg_do_no_harm() {
    let mut bytes = encode(&flag(), ImageFormat::Jpeg);
    bytes.extend(b"trailing bytes of a camera");
    assert!(decode(&bytes).is_ok());
    let mut thumbnail = encode(&flag(), ImageFormat::Jpeg);
    // An end marker inside an application segment, as a thumbnail has, is not the end of the photo.
    thumbnail.splice(2..2, [0xFF, 0xE3, 0, 6, 0xFF, 0xD8, 0xFF, 0xD9]);
    assert!(decode(&thumbnail).is_ok());
    thumbnail.truncate(thumbnail.len() - 2);
    assert_eq!(code(&thumbnail), "image_broken");
}

#[test]
fn rounding_over_white_is_exact() {
    let mut bytes = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    let raw: Vec<u8> = (0..=255_u8).flat_map(|alpha| [0, 255, 100, alpha]).collect();
    encoder.write_image(&raw, 16, 16, ExtendedColorType::Rgba8).unwrap();
    let photo = decode(&bytes).unwrap();
    for (alpha, pixel) in photo.pixels().chunks(3).enumerate() {
        let exact = |channel: f64| ((channel * alpha as f64 + 255.0 * (255.0 - alpha as f64)) / 255.0).round() as u8;
        assert_eq!(pixel, [exact(0.0), exact(255.0), exact(100.0)], "alpha {alpha}");
    }
}
