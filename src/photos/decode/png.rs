//! PNGs whose additions are damaged, which browsers show all the same. This room refuses to touch what carries the picture.

/// The eight bytes that a PNG begins with.
const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1A\n";

/// The file without its additions: only the chunks that carry the picture, and the transparency of its palette or key color.
/// `None` where nothing was left out, or where the file stops making sense.
///
/// A wrong checksum in what stays is still found by whoever decodes that.
pub fn without_additions(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut rest = bytes.strip_prefix(SIGNATURE)?;
    let mut kept = SIGNATURE.to_vec();
    while let Some(&[a, b, c, d, ref kind @ ..]) = rest.first_chunk::<8>() {
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?;
        // Length, name and checksum have four bytes each.
        let (chunk, after) = rest.split_at_checked(length.checked_add(12)?)?;
        // A small letter in front marks an addition.
        if kind[0].is_ascii_uppercase() || kind == b"tRNS" {
            kept.extend(chunk);
        }
        rest = after;
    }
    (kept.len() < bytes.len()).then_some(kept)
}
