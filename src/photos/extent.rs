//! How much memory a photo takes once it is decoded. This room refuses to decode.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::{ImageDecoder, ImageReader};

/// Bytes of the decoded picture as its header promises them; 0 where there is no header to read: decoding fails then, too.
#[must_use]
pub fn decoded_bytes(bytes: &[u8]) -> u64 {
    let read = || {
        let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
        Some(reader.into_decoder().ok()?.total_bytes())
    };
    // As in `decode`: what a hostile file does to a decoder is that file's fault.
    catch_unwind(AssertUnwindSafe(read)).ok().flatten().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_says_how_large_the_picture_is() {
        for (name, bytes_a_pixel) in [("png", 4), ("jpg", 3), ("webp", 4), ("bmp", 4)] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a").with_extension(name);
            let picture = image::DynamicImage::new_rgba8(40, 30);
            let saved = if name == "jpg" { picture.to_rgb8().save(&path) } else { picture.save(&path) };
            saved.unwrap();
            assert_eq!(decoded_bytes(&std::fs::read(&path).unwrap()), 40 * 30 * bytes_a_pixel, "{name}");
        }
        assert_eq!(decoded_bytes(b""), 0);
        assert_eq!(decoded_bytes(b"\xFF\xD8\xFF nothing more"), 0);
    }
}
