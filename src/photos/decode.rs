//! From the bytes of a file to an upright, opaque photo. This room refuses to believe a name or a header: the format comes
//! from the content, and sizes are checked before anything of that size is allocated.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::error::ImageError;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::{Fault, RgbPhoto};

/// Names what is decoded and how faults are worded: a remembered fault holds for this decoder only. To be raised when either changes
/// within a version of twinset.
pub const DECODER: &str = concat!(env!("CARGO_PKG_VERSION"), "/1");
/// The longest side that is decoded, in pixels.
const MAX_SIDE: u32 = 20_000;
/// The largest picture that is decoded, in pixels.
const MAX_PIXELS: u64 = 80_000_000;
/// The most that one decoder may allocate, the decoded picture included.
const MAX_DECODED_BYTES: u64 = 512 << 20;

/// Decodes JPEG, PNG, WebP, GIF (its first frame), BMP or TIFF: EXIF orientation applied, transparency on white, 8 bits a
/// channel.
///
/// # Errors
/// `image_format` for other content, `image_too_large` for more than 20,000 pixels a side, 80 megapixels or 512 MiB decoded,
/// `image_broken` for what is damaged or ends too early.
pub fn decode(bytes: &[u8]) -> Result<RgbPhoto, Fault> {
    let format = recognize(bytes)?;
    // Decoders read hostile files; a panic in one is that file's fault and must not end the night.
    catch_unwind(AssertUnwindSafe(|| decode_as(format, bytes)))
        .unwrap_or_else(|_| Err(Fault::new("image_broken", format!("the {} decoder gave up", name(format)))))
}

fn recognize(bytes: &[u8]) -> Result<ImageFormat, Fault> {
    use ImageFormat::{Bmp, Gif, Jpeg, Png, Tiff, WebP};
    match image::guess_format(bytes) {
        Ok(format @ (Jpeg | Png | WebP | Gif | Bmp | Tiff)) => Ok(format),
        _ if bytes.is_empty() => Err(Fault::new("image_broken", "the file is empty")),
        _ => Err(Fault::new("image_format", "the content is none of JPEG, PNG, WebP, GIF, BMP and TIFF")),
    }
}

fn decode_as(format: ImageFormat, bytes: &[u8]) -> Result<RgbPhoto, Fault> {
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);

    let mut decoder = reader.into_decoder().map_err(|cause| fault(format, &cause))?;
    check_size(&decoder)?;
    let orientation = decoder.orientation().map_err(|cause| fault(format, &cause))?;
    if format == ImageFormat::Jpeg && !jpeg_is_complete(bytes) {
        return Err(Fault::new("image_broken", "the JPEG ends before its last scan does"));
    }
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|cause| fault(format, &cause))?;
    picture.apply_orientation(orientation);
    Ok(opaque(picture))
}

fn check_size(decoder: &impl ImageDecoder) -> Result<(), Fault> {
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if width == 0 || height == 0 {
        return Err(Fault::new("image_broken", format!("the picture measures {width} x {height} pixels")));
    }
    if width > MAX_SIDE || height > MAX_SIDE || pixels > MAX_PIXELS || decoder.total_bytes() > MAX_DECODED_BYTES {
        return Err(Fault::new("image_too_large", format!("{width} x {height} pixels are more than twinset decodes")));
    }
    Ok(())
}

/// Whether a JPEG has its end marker after its first scan began. The decoder pads what is missing with gray, which would give
/// a half-uploaded photo the vector of another product; in scan data `FF D9` can only be the end.
fn jpeg_is_complete(bytes: &[u8]) -> bool {
    let mut position = 2;
    while let Some(&[0xFF, marker]) = bytes.get(position..position + 2) {
        match marker {
            0xFF => position += 1,
            0xDA => return bytes[position..].windows(2).rev().any(|pair| pair == [0xFF, 0xD9]),
            _ => match bytes.get(position + 2..position + 4) {
                Some(&[high, low]) => position += 2 + usize::from(u16::from_be_bytes([high, low])),
                _ => return false,
            },
        }
    }
    // Stray bytes between segments: the decoder knows better than this walk.
    bytes.windows(2).rev().any(|pair| pair == [0xFF, 0xD9])
}

fn opaque(picture: DynamicImage) -> RgbPhoto {
    let (width, height) = (picture.width(), picture.height());
    let pixels = if picture.color().has_alpha() {
        let rgba = picture.into_rgba8().into_raw();
        rgba.chunks_exact(4)
            .flat_map(|p| [over_white(p[0], p[3]), over_white(p[1], p[3]), over_white(p[2], p[3])])
            .collect()
    } else {
        picture.into_rgb8().into_raw()
    };
    RgbPhoto { width, height, pixels }
}

/// `channel` with opacity `alpha` on a white ground, rounded to nearest.
fn over_white(channel: u8, alpha: u8) -> u8 {
    let (channel, alpha) = (u16::from(channel), u16::from(alpha));
    // At most 255 * 255 + 127 before the division, so nothing overflows and the quotient fits a byte.
    u8::try_from((channel * alpha + 255 * (255 - alpha) + 127) / 255).unwrap_or(u8::MAX)
}

fn fault(format: ImageFormat, cause: &ImageError) -> Fault {
    match cause {
        ImageError::Limits(_) => Fault::new("image_too_large", format!("the {} is too large: {cause}", name(format))),
        ImageError::Unsupported(_) => {
            Fault::new("image_format", format!("this kind of {} is not read: {cause}", name(format)))
        }
        _ => Fault::new("image_broken", format!("the {} cannot be decoded: {cause}", name(format))),
    }
}

fn name(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::Png => "PNG",
        ImageFormat::WebP => "WebP",
        ImageFormat::Gif => "GIF",
        ImageFormat::Bmp => "BMP",
        ImageFormat::Tiff => "TIFF",
        _ => "image",
    }
}

#[cfg(test)]
mod tests;
