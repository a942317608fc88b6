//! Product photos: find them below the image root, read them, decode them by content, stand them upright, resize them.
//! This room refuses to trust a file's name, its size or its header, and never leaves the image root.

mod decode;
mod extent;
mod frame;
mod planes;
mod root;
mod stamp;

use std::fmt;

pub use decode::{DECODER, decode, decode_for};
pub use extent::decoded_bytes;
pub use frame::crop_and_resize;
pub use planes::Planes;
pub use root::ImageRoot;
pub use stamp::Signature;

/// The most bytes that are read of one image file.
pub const MAX_FILE_BYTES: u64 = 64 << 20;

/// A decoded photo, as far as somebody looks at it.
#[derive(Clone, Debug)]
pub enum Photo {
    /// In its colors.
    Rgb(RgbPhoto),
    /// As its file has it.
    Planes(Planes),
}

impl From<RgbPhoto> for Photo {
    fn from(photo: RgbPhoto) -> Photo {
        Photo::Rgb(photo)
    }
}

/// A decoded photo: upright, opaque, 8 bits a channel.
#[derive(Clone, PartialEq, Eq)]
pub struct RgbPhoto {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
    shown: Shown,
}

/// What part of its pixels a photo covers, in eighths of a pixel: not all of the last ones where it was decoded at a reduced
/// size.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shown {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
}

impl Shown {
    /// All of so many pixels.
    fn all(width: u32, height: u32) -> Shown {
        Shown { left: 0, top: 0, width: 8 * width, height: 8 * height }
    }
}

impl RgbPhoto {
    /// A photo from `width * height * 3` bytes, row by row from the top, red, green, blue; `None` when the length differs or
    /// a side is zero.
    #[must_use]
    pub fn new(width: u32, height: u32, pixels: Vec<u8>) -> Option<RgbPhoto> {
        let length = u128::from(width) * u128::from(height) * 3;
        let fits = length > 0 && u128::try_from(pixels.len()).is_ok_and(|actual| actual == length);
        // Beyond so many pixels a side, no memory holds a photo.
        let fits = fits && width <= u32::MAX / 8 && height <= u32::MAX / 8;
        fits.then(|| RgbPhoto { width, height, pixels, shown: Shown::all(width, height) })
    }

    /// Pixels a row, at least 1.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows, at least 1.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Red, green, blue, row by row from the top.
    #[must_use]
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }
}

impl fmt::Debug for RgbPhoto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RgbPhoto({} x {})", self.width, self.height)
    }
}

/// Why an image cannot be used. The code is stable and part of the `rejects` table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Fault {
    /// `image_missing`, `image_outside_root`, `image_unreadable`, `image_too_large`, `image_format` (none of the formats that
    /// are read) or `image_broken` (one of them, but damaged or truncated).
    pub code: &'static str,
    /// What was wrong: one line for a person.
    pub detail: String,
}

impl Fault {
    fn new(code: &'static str, detail: impl Into<String>) -> Fault {
        Fault { code, detail: detail.into() }
    }
}

/// Whether the catalog names an image by URL, of whatever scheme (`https:`, `s3://`, `data:`). twinset never fetches one:
/// such a product has no vector, and that is no fault.
#[must_use]
pub fn is_url(image: &str) -> bool {
    let Some((scheme, rest)) = image.split_once(':') else { return image.starts_with("//") };
    let stands_alone = ["http", "https", "data"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    stands_alone || image.starts_with("//") || (is_scheme(scheme) && rest.starts_with("//"))
}

/// A letter, then letters, digits, `+`, `-` and `.`.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_told_from_paths() {
        let remote = [
            "s3://b/x.jpg",
            "GS://b/x.jpg",
            "ftp://h/x.jpg",
            "file:///x.jpg",
            "data:image/png;base64,AA",
            "a+b-1.c://x",
        ];
        for url in ["http://a.example/x.jpg", "HTTPS://a.example/x.jpg", "//cdn.example/x.jpg", "//h:8/x.jpg", "http:x"]
            .iter()
            .chain(&remote)
        {
            assert!(is_url(url), "{url}");
        }
        let colons =
            ["C:/x.jpg", "a:b.jpg", "images/a://b.jpg", "://x.jpg", "1a://x.jpg", "ü://x.jpg", "database:1.jpg"];
        for path in ["", "/", "h", "http", "httpd/x.jpg", "https.jpg", "images//x.jpg", "/images/x.jpg", "ü.jpg"]
            .iter()
            .chain(&colons)
        {
            assert!(!is_url(path), "{path}");
        }
    }

    #[test]
    fn a_photo_has_as_many_bytes_as_its_sides_say() {
        assert!(RgbPhoto::new(2, 1, vec![0; 6]).is_some());
        assert!(RgbPhoto::new(2, 1, vec![0; 5]).is_none());
        assert!(RgbPhoto::new(0, 1, vec![]).is_none());
        assert!(RgbPhoto::new(u32::MAX, u32::MAX, vec![0; 3]).is_none());
    }
}
