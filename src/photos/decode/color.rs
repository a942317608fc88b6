//! From samples as a file has them to opaque sRGB. This room refuses to reject: a color profile that is broken, or fits other
//! samples than it came with, is ignored.

use std::panic::{AssertUnwindSafe, catch_unwind};

use image::DynamicImage;
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

use crate::photos::{RgbPhoto, Shown};

/// What the samples of a pixel are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One sample.
    Gray,
    /// Three.
    Rgb,
    /// Three and their opacity.
    Rgba,
    /// Four: how much ink there is, from none (0) to all (255).
    Cmyk,
}

/// A decoded picture whose colors are the file's.
pub struct Raster {
    pub width: u32,
    pub height: u32,
    pub shown: Shown,
    pub kind: Kind,
    /// Row by row from the top.
    pub samples: Vec<u8>,
}

impl Raster {
    /// What the `image` crate decoded, with 8 bits a sample.
    pub fn new(picture: DynamicImage) -> Raster {
        let (width, height) = (picture.width(), picture.height());
        let color = picture.color();
        let (kind, samples) = if color.has_alpha() {
            (Kind::Rgba, picture.into_rgba8().into_raw())
        } else if color.has_color() {
            (Kind::Rgb, picture.into_rgb8().into_raw())
        } else {
            (Kind::Gray, picture.into_luma8().into_raw())
        };
        Raster { width, height, shown: Shown::all(width, height), kind, samples }
    }

    /// The photo: its colors by the profile, if there is one that fits, and transparency on white.
    pub fn into_photo(self, profile: Option<&[u8]>) -> RgbPhoto {
        let (width, height) = (self.width, self.height);
        // A profile is a hostile file of its own, and never worth losing the picture.
        let managed = profile.and_then(|profile| {
            catch_unwind(AssertUnwindSafe(|| by_profile(&self.samples, self.kind, profile))).ok().flatten()
        });
        let pixels = match (self.kind, managed) {
            (Kind::Rgba, managed) => flat(managed.as_ref().unwrap_or(&self.samples)),
            (_, Some(managed)) => managed,
            (Kind::Rgb, None) => self.samples,
            (Kind::Gray, None) => self.samples.iter().flat_map(|&gray| [gray; 3]).collect(),
            (Kind::Cmyk, None) => self.samples.chunks_exact(4).flat_map(without_profile).collect(),
        };
        RgbPhoto { width, height, pixels, shown: self.shown }
    }
}

/// The samples as sRGB, with opacity where they have it; `None` where they already are, or where the profile is of no use.
fn by_profile(samples: &[u8], kind: Kind, profile: &[u8]) -> Option<Vec<u8>> {
    let profile = ColorProfile::new_from_slice(profile).ok()?;
    let (space, from, to) = match kind {
        Kind::Gray => (DataColorSpace::Gray, Layout::Gray, Layout::Rgb),
        Kind::Rgb => (DataColorSpace::Rgb, Layout::Rgb, Layout::Rgb),
        Kind::Rgba => (DataColorSpace::Rgb, Layout::Rgba, Layout::Rgba),
        Kind::Cmyk => (DataColorSpace::Cmyk, Layout::Rgba, Layout::Rgb),
    };
    if profile.color_space != space {
        return None;
    }
    let srgb = ColorProfile::new_srgb();
    let transform = profile.create_transform_8bit(from, &srgb, to, TransformOptions::default()).ok()?;
    if matches!(kind, Kind::Rgb | Kind::Rgba) {
        // Most profiles are sRGB's own, under many names: they are known by what they do.
        let steps = [0, 16, 64, 128, 200, 255];
        let colors = (0..216).map(|at| [steps[at / 36], steps[at / 6 % 6], steps[at % 6], 255]);
        let probe: Vec<u8> = colors.flat_map(|color| color.into_iter().take(from.channels())).collect();
        let mut changed = vec![0; probe.len()];
        transform.transform(&probe, &mut changed).ok()?;
        if probe.iter().zip(&changed).all(|(before, after)| before.abs_diff(*after) <= 1) {
            return None;
        }
    }
    let pixels = samples.len() / from.channels();
    let mut managed = vec![0; pixels * to.channels()];
    transform.transform(samples, &mut managed).ok()?;
    Some(managed)
}

/// What printing inks come to without a profile: each takes its part of the light.
fn without_profile(inks: &[u8]) -> [u8; 3] {
    let paper = 255 - u16::from(inks[3]);
    let light = |ink: u8| u8::try_from(((255 - u16::from(ink)) * paper + 127) / 255).unwrap_or(u8::MAX);
    [light(inks[0]), light(inks[1]), light(inks[2])]
}

fn flat(rgba: &[u8]) -> Vec<u8> {
    let mut pixels = Vec::with_capacity(rgba.len() / 4 * 3);
    pixels.extend(
        rgba.chunks_exact(4).flat_map(|p| [over_white(p[0], p[3]), over_white(p[1], p[3]), over_white(p[2], p[3])]),
    );
    pixels
}

/// `channel` with opacity `alpha` on a white ground, rounded to nearest.
fn over_white(channel: u8, alpha: u8) -> u8 {
    let (channel, alpha) = (u16::from(channel), u16::from(alpha));
    // At most 255 * 255 + 127 before the division, so nothing overflows and the quotient fits a byte.
    u8::try_from((channel * alpha + 255 * (255 - alpha) + 127) / 255).unwrap_or(u8::MAX)
}
