//! JPEGs: their segments, what stands before the first scan, and the picture. This room refuses a file that ends too early,
//! because decoders pad what is missing.

use std::borrow::Cow;

use image::metadata::Orientation;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use super::color::{Kind, Raster};
use super::{MAX_SIDE, Seen, check_size, planar, reduced};
use crate::photos::{Fault, Photo, Shown};

/// One marker with what belongs to it.
pub struct Segment<'a> {
    /// The byte after `FF`.
    pub marker: u8,
    /// The bytes that the segment's length covers, without the length.
    pub body: &'a [u8],
    /// Where these begin in the file.
    body_at: usize,
    /// What comes after it in the file.
    pub rest: &'a [u8],
}

impl<'a> Segment<'a> {
    /// The coded data that follows a start of scan, restart markers included: up to the next marker that is none.
    pub fn scan(&self) -> &'a [u8] {
        let mut at = 0;
        while let Some(found) = self.rest[at..].iter().position(|&byte| byte == 0xFF) {
            at += found;
            match self.rest.get(at + 1) {
                Some(0 | 0xD0..=0xD7) => at += 2,
                Some(_) => return &self.rest[..at],
                None => break,
            }
        }
        self.rest
    }
}

/// The segments of a file up to its end marker, or up to where it stops making sense.
pub struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Start of scan.
pub const SCAN: u8 = 0xDA;
const START: u8 = 0xD8;
const END: u8 = 0xD9;

/// The most scans that a file may have. Encoders write about ten; thousands of empty ones would take hours.
pub const MAX_SCANS: usize = 100;

impl<'a> Segments<'a> {
    /// The segments of a whole file.
    pub fn new(bytes: &'a [u8]) -> Segments<'a> {
        Segments { bytes, at: 0 }
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    fn next(&mut self) -> Option<Segment<'a>> {
        loop {
            // Coded data and stray bytes between segments are skipped, as decoders do.
            self.at += self.bytes[self.at..].iter().position(|&byte| byte == 0xFF)?;
            self.at += self.bytes[self.at..].iter().position(|&byte| byte != 0xFF)?;
            let marker = self.bytes[self.at];
            self.at += 1;
            match marker {
                END => return None,
                0 | 1 | 0xD0..=0xD7 | START => {}
                _ => {
                    let rest = &self.bytes[self.at..];
                    let length = usize::from(u16::from_be_bytes(*rest.first_chunk()?));
                    let body = rest.get(2..length)?;
                    let body_at = self.at + 2;
                    self.at += length;
                    return Some(Segment { marker, body, body_at, rest: &rest[length..] });
                }
            }
        }
    }
}

/// The number that Adobe's segment gives: 0 for components as they are (RGB, CMYK), 1 for `YCbCr`, 2 for YCCK.
pub fn adobe_transform(segment: &Segment) -> Option<u8> {
    (segment.marker == 0xEE && segment.body.starts_with(b"Adobe")).then(|| segment.body.get(11).copied())?
}

/// Whether three components are red, green and blue, by what the segments before them say and by their names.
pub fn is_rgb(jfif: bool, adobe: Option<u8>, names: &[u8]) -> bool {
    !jfif && adobe.map_or(names == b"RGB", |transform| transform == 0)
}

/// Whether a JPEG has its end marker after its first scan began. Decoders pad what is missing with gray, which would give
/// a half-uploaded photo the vector of another product; in scan data `FF D9` can only be the end.
pub fn is_complete(bytes: &[u8]) -> bool {
    let mut position = 2;
    while let Some(&[0xFF, marker]) = bytes.get(position..position + 2) {
        match marker {
            0xFF => position += 1,
            SCAN => return has_end(&bytes[position..]),
            _ => match bytes.get(position + 2..position + 4) {
                Some(&[high, low]) => position += 2 + usize::from(u16::from_be_bytes([high, low])),
                _ => return false,
            },
        }
    }
    // Stray bytes between segments: the decoder knows better than this walk.
    has_end(bytes)
}

fn has_end(bytes: &[u8]) -> bool {
    bytes.windows(2).rev().any(|pair| pair == [0xFF, END])
}

/// What the segments say of the picture.
struct Head {
    width: u32,
    height: u32,
    /// Where the file says its height.
    height_at: usize,
    /// The names of the color components.
    components: Vec<u8>,
    /// Whether one scan has everything, in one go.
    one_scan: bool,
    scans: usize,
    jfif: bool,
    adobe: Option<u8>,
    orientation: Orientation,
    profile: Option<Vec<u8>>,
}

impl Head {
    fn read(bytes: &[u8]) -> Option<Head> {
        let mut head: Option<Head> = None;
        let (mut jfif, mut adobe, mut orientation) = (false, None, Orientation::NoTransforms);
        let mut profile = Vec::new();
        for segment in Segments::new(bytes) {
            let body = segment.body;
            match segment.marker {
                0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF if head.is_none() => {
                    let [_, high, low, wide, narrow, _, parts @ ..] = body else { return None };
                    head = Some(Head {
                        width: u32::from(u16::from_be_bytes([*wide, *narrow])),
                        height: u32::from(u16::from_be_bytes([*high, *low])),
                        height_at: segment.body_at + 1,
                        components: parts.chunks_exact(3).map(|part| part[0]).collect(),
                        one_scan: segment.marker <= 0xC1,
                        scans: 0,
                        jfif,
                        adobe,
                        orientation,
                        profile: None,
                    });
                }
                0xE0 => jfif |= body.starts_with(b"JFIF\0"),
                0xE1 => {
                    let exif = body.strip_prefix(b"Exif\0\0").and_then(Orientation::from_exif_chunk);
                    orientation = exif.unwrap_or(orientation);
                }
                0xE2 => profile.extend(body.strip_prefix(b"ICC_PROFILE\0").and_then(<[u8]>::split_first)),
                0xEE => adobe = adobe.or(adobe_transform(&segment)),
                SCAN => {
                    let head = head.as_mut()?;
                    head.scans += 1;
                    head.one_scan &= body.first().is_some_and(|&count| usize::from(count) == head.components.len());
                    if head.one_scan {
                        break;
                    }
                }
                _ => {}
            }
        }
        head.filter(|head| head.scans > 0).map(|head| Head {
            jfif,
            adobe,
            orientation,
            profile: assembled(profile),
            ..head
        })
    }
}

/// A color profile from its numbered pieces, each of which begins with how many there are.
fn assembled(mut pieces: Vec<(&u8, &[u8])>) -> Option<Vec<u8>> {
    pieces.sort_by_key(|piece| piece.0);
    let whole = !pieces.is_empty()
        && (1..).zip(&pieces).all(|(number, &(&own, rest))| {
            number == usize::from(own) && rest.first().is_some_and(|&count| usize::from(count) == pieces.len())
        });
    whole.then(|| pieces.iter().flat_map(|(_, rest)| &rest[1..]).copied().collect())
}

/// Decodes a JPEG: for what is `seen` of it, if that is said, else all of it at its full size. Not yet upright.
pub fn decode(bytes: &[u8], seen: Option<Seen>) -> Result<(Photo, Orientation), Fault> {
    let Some(head) = Head::read(bytes) else {
        return Err(Fault::new("image_broken", "the JPEG has no picture in it"));
    };
    // Decoding takes two bytes a sample for progressive files, besides the pixels.
    check_size(head.width, head.height, 3)?;
    if !is_complete(bytes) {
        return Err(Fault::new("image_broken", "the JPEG ends before its last scan does"));
    }
    if head.scans > MAX_SCANS {
        return Err(Fault::new("image_broken", format!("the JPEG has more than {MAX_SCANS} scans")));
    }
    let small = seen.and_then(|seen| reduced::decode(bytes, seen));
    let is_plain = head.one_scan && head.profile.is_none() && !is_rgb(head.jfif, head.adobe, &head.components);
    if small.is_none()
        && is_plain
        && let Some(planes) = seen.and_then(|seen| planar::decode(bytes, seen))
    {
        return Ok((Photo::Planes(planes), head.orientation));
    }
    let raster = match small {
        Some(raster) => raster,
        None => whole(bytes, &head, seen)?,
    };
    Ok((raster.into_photo(head.profile.as_deref()).into(), head.orientation))
}

fn whole(bytes: &[u8], head: &Head, seen: Option<Seen>) -> Result<Raster, Fault> {
    let mut bytes = Cow::Borrowed(bytes);
    let looked_at = seen.map_or(head.height, |seen| seen.rows(head.width, head.height).end.next_multiple_of(16));
    if looked_at < head.height && head.one_scan {
        // A decoder stops where it believes that the picture ends: the rows below come black.
        let [high, low] = u16::try_from(looked_at).unwrap_or(u16::MAX).to_be_bytes();
        bytes.to_mut()[head.height_at..][..2].copy_from_slice(&[high, low]);
    }
    if head.components == *b"RGB" && !head.jfif && head.adobe.is_none() {
        // By these names alone the decoder does not know that the samples are no luma and chroma; by this it does.
        let rgb = [&[0xFF, 0xEE, 0, 14][..], b"Adobe", &[0, 100, 0, 0, 0, 0, 0]].concat();
        bytes.to_mut().splice(2..2, rgb);
    }
    let side = usize::try_from(MAX_SIDE).unwrap_or(usize::MAX);
    let options = DecoderOptions::default().set_strict_mode(false).set_max_width(side).set_max_height(side);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&*bytes), options);
    decoder.decode_headers().map_err(|cause| fault(&cause))?;
    let space = decoder.input_colorspace();
    let (kind, samples, output) = match space {
        Some(ColorSpace::Luma) => (Kind::Gray, 1, ColorSpace::Luma),
        Some(ColorSpace::RGB | ColorSpace::YCbCr) => (Kind::Rgb, 3, ColorSpace::RGB),
        Some(space @ (ColorSpace::CMYK | ColorSpace::YCCK)) => (Kind::Cmyk, 4, space),
        _ => return Err(Fault::new("image_format", "this kind of JPEG is not read: its color space is unknown")),
    };
    decoder.set_options(options.jpeg_set_out_colorspace(output));
    let (width, height) = (usize::try_from(head.width), usize::try_from(head.height));
    let pixels = width.unwrap_or(usize::MAX).saturating_mul(height.unwrap_or(usize::MAX));
    let mut picture = vec![0; pixels.saturating_mul(samples)];
    decoder.decode_into(&mut picture).map_err(|cause| fault(&cause))?;
    if kind == Kind::Cmyk {
        to_inks(&mut picture, space == Some(ColorSpace::YCCK), head.adobe.is_some());
    }
    let shown = Shown::all(head.width, head.height);
    Ok(Raster { width: head.width, height: head.height, shown, kind, samples: picture })
}

/// Makes CMYK of what a file with four components has. Adobe's programs write how much light is left instead of how much ink
/// there is.
fn to_inks(samples: &mut [u8], ycck: bool, adobe: bool) {
    for pixel in samples.as_chunks_mut::<4>().0 {
        if ycck {
            let [red, green, blue] = reduced::rgb([pixel[0], pixel[1], pixel[2]]);
            *pixel = [255 - red, 255 - green, 255 - blue, pixel[3]];
        }
        if adobe {
            *pixel = pixel.map(|sample| 255 - sample);
        }
    }
}

fn fault(cause: &DecodeErrors) -> Fault {
    match cause {
        DecodeErrors::Unsupported(_) => Fault::new("image_format", format!("this kind of JPEG is not read: {cause:?}")),
        DecodeErrors::LargeDimensions(_) => Fault::new("image_too_large", "the JPEG is too large"),
        _ => Fault::new("image_broken", format!("the JPEG cannot be decoded: {cause:?}")),
    }
}
