//! From the bytes of a file to an upright, opaque photo. This room refuses to believe a name or a header: the format comes
//! from the content, and sizes are checked before anything of that size is allocated.

mod color;
mod huffman;
mod jpeg;
mod planar;
mod png;
mod reduced;
mod syntax;

use std::io::Cursor;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::error::ImageError;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::{Fault, Photo, Planes, RgbPhoto, Shown};
use color::Raster;

/// Names what is decoded and how faults are worded: a remembered fault holds for this decoder and one embedder. To be raised when either changes
/// within a version of twinset.
pub const DECODER: &str = concat!(env!("CARGO_PKG_VERSION"), "/3");
/// The longest side that is decoded, in pixels.
const MAX_SIDE: u32 = 20_000;
/// The largest picture that is decoded, in pixels.
const MAX_PIXELS: u64 = 80_000_000;
/// The most that one decoder may allocate, the decoded picture included.
const MAX_DECODED_BYTES: u64 = 512 << 20;

/// Pixels that a reduced picture has for one pixel of the result, a side. Reducing by whole blocks of pixels is cruder than
/// the filter after it: with 1.2 instead, the least similar of 265 photos of 1 to 2 megapixels has a cosine of 0.95 between the
/// vectors of both ways, with this 0.997.
const KEPT: f64 = 1.9;

/// Decodes JPEG, PNG, WebP, GIF, BMP or TIFF, of what moves the first frame: as sRGB by the color profile, upright by
/// EXIF, transparency on white, 8 bits a channel.
///
/// A color profile that is broken or not understood is ignored, and so is what else is damaged of a PNG's additions.
///
/// Takes less than 1 GiB besides the file's bytes.
///
/// # Errors
/// `image_format` for other content, `image_too_large` for more than 20,000 pixels a side, 80 megapixels or 512 MiB decoded,
/// `image_broken` for what is damaged or ends too early.
pub fn decode(bytes: &[u8]) -> Result<RgbPhoto, Fault> {
    match decode_seen(bytes, None)? {
        Photo::Rgb(photo) => Ok(photo),
        Photo::Planes(_) => unreachable!("only what is looked at is kept as planes"),
    }
}

/// Decodes like [`decode`] what [`crop_and_resize`](super::crop_and_resize) with the same `crop` and `side` looks at. The
/// photo may be smaller than the file's picture, as long as the square that is looked at has `side` pixels a side or more, and
/// the rest of it may be any color, or missing.
///
/// # Errors
/// Those of [`decode`], as far as the damage is in what is looked at.
pub fn decode_for(bytes: &[u8], crop: f64, side: u32) -> Result<Photo, Fault> {
    decode_seen(bytes, Some(Seen { crop, side }))
}

/// What is looked at: a centered square of so many short sides, which becomes so many pixels a side.
#[derive(Clone, Copy)]
struct Seen {
    crop: f64,
    side: u32,
}

impl Seen {
    /// The pixels that the short side of a picture must keep where it is reduced.
    fn needed(self) -> u32 {
        whole(KEPT * f64::from(self.side) / self.crop)
    }

    /// The rows of a picture of this size that the square, its filter and the colors of the rows beside it depend on.
    fn rows(self, width: u32, height: u32) -> Range<u32> {
        self.part(height, width.min(height))
    }

    /// Its columns.
    fn columns(self, width: u32, height: u32) -> Range<u32> {
        self.part(width, width.min(height))
    }

    fn part(self, length: u32, short: u32) -> Range<u32> {
        let square = self.crop * f64::from(short);
        // Two pixels of the result to each side for the filter, and two of the picture for the colors beside it.
        let margin = 2.0 * square / f64::from(self.side) + 2.0;
        let (middle, reach) = (f64::from(length) / 2.0, square / 2.0 + margin);
        whole((middle - reach).max(0.0))..whole(middle + reach).min(length)
    }
}

/// A length of at most a few pixels more than [`MAX_SIDE`], rounded up.
fn whole(length: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "lengths are positive and small")]
    let pixels = length.ceil() as u32;
    pixels
}

fn decode_seen(bytes: &[u8], seen: Option<Seen>) -> Result<Photo, Fault> {
    let format = recognize(bytes)?;
    // Decoders read hostile files; a panic in one is that file's fault and must not end the night.
    let (photo, orientation) = catch_unwind(AssertUnwindSafe(|| match format {
        ImageFormat::Jpeg => jpeg::decode(bytes, seen),
        _ => decode_as(format, bytes).map(|(photo, orientation)| (photo.into(), orientation)),
    }))
    .unwrap_or_else(|_| Err(Fault::new("image_broken", format!("the {} decoder gave up", name(format)))))?;
    Ok(match photo {
        Photo::Rgb(photo) => upright(photo, orientation).into(),
        Photo::Planes(planes) => Photo::Planes(Planes { orientation, ..planes }),
    })
}

fn recognize(bytes: &[u8]) -> Result<ImageFormat, Fault> {
    use ImageFormat::{Bmp, Gif, Jpeg, Png, Tiff, WebP};
    match image::guess_format(bytes) {
        Ok(format @ (Jpeg | Png | WebP | Gif | Bmp | Tiff)) => Ok(format),
        _ if bytes.is_empty() => Err(Fault::new("image_broken", "the file is empty")),
        _ => Err(Fault::new("image_format", "the content is none of JPEG, PNG, WebP, GIF, BMP and TIFF")),
    }
}

/// Decodes what is no JPEG.
fn decode_as(format: ImageFormat, bytes: &[u8]) -> Result<(RgbPhoto, Orientation), Fault> {
    let fault = match picture(format, bytes) {
        Ok(done) => return Ok(done),
        Err(fault) => fault,
    };
    let sound = (format == ImageFormat::Png && fault.code == "image_broken").then(|| png::without_additions(bytes));
    // What is wrong with the file is what was wrong with all of it.
    sound.flatten().and_then(|sound| picture(format, &sound).ok()).ok_or(fault)
}

fn picture(format: ImageFormat, bytes: &[u8]) -> Result<(RgbPhoto, Orientation), Fault> {
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);

    let mut decoder = reader.into_decoder().map_err(|cause| fault(format, &cause))?;
    let (width, height) = decoder.dimensions();
    check_size(width, height, u64::from(decoder.color_type().bytes_per_pixel()))?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = decoder.icc_profile().ok().flatten();
    let picture = DynamicImage::from_decoder(decoder).map_err(|cause| fault(format, &cause))?;
    Ok((Raster::new(picture).into_photo(profile.as_deref()), orientation))
}

fn check_size(width: u32, height: u32, bytes_a_pixel: u64) -> Result<(), Fault> {
    let pixels = u64::from(width) * u64::from(height);
    if width == 0 || height == 0 {
        return Err(Fault::new("image_broken", format!("the picture measures {width} x {height} pixels")));
    }
    if width > MAX_SIDE || height > MAX_SIDE || pixels > MAX_PIXELS || pixels * bytes_a_pixel > MAX_DECODED_BYTES {
        return Err(Fault::new("image_too_large", format!("{width} x {height} pixels are more than twinset decodes")));
    }
    Ok(())
}

/// Turns and mirrors a photo as its file says.
fn upright(photo: RgbPhoto, orientation: Orientation) -> RgbPhoto {
    if orientation == Orientation::NoTransforms {
        return photo;
    }
    let RgbPhoto { width, height, pixels, mut shown } = photo;
    let picture = image::RgbImage::from_raw(width, height, pixels).expect("a photo has as many bytes as its sides say");
    let mut picture = DynamicImage::from(picture);
    picture.apply_orientation(orientation);
    let (quarter_turn, from_right, from_below) = match orientation {
        Orientation::NoTransforms => (false, false, false),
        Orientation::FlipHorizontal => (false, true, false),
        Orientation::FlipVertical => (false, false, true),
        Orientation::Rotate180 => (false, true, true),
        Orientation::Rotate90FlipH => (true, false, false),
        Orientation::Rotate90 => (true, true, false),
        Orientation::Rotate270 => (true, false, true),
        Orientation::Rotate270FlipH => (true, true, true),
    };
    if quarter_turn {
        shown = Shown { left: shown.top, top: shown.left, width: shown.height, height: shown.width };
    }
    let (width, height) = (picture.width(), picture.height());
    if from_right {
        shown.left = 8 * width - shown.width - shown.left;
    }
    if from_below {
        shown.top = 8 * height - shown.height - shown.top;
    }
    RgbPhoto { width, height, pixels: picture.into_rgb8().into_raw(), shown }
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
