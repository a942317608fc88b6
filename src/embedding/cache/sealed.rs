//! Files that are whole or not there: written under another name, made durable, then renamed; their last 32 bytes are the BLAKE3
//! hash of what comes before. This room refuses to know what a file means.

use std::fs;
use std::io;
use std::path::Path;

use crate::durable::replace;

/// Part of the name of a file that is being written.
const WRITING: &str = ".writing-";

/// Bytes that a seal adds.
pub(super) const SEAL_BYTES: usize = blake3::OUT_LEN;

/// Adds the hash of `bytes` to them, and returns it.
pub(super) fn seal(bytes: &mut Vec<u8>) -> blake3::Hash {
    let checksum = blake3::hash(bytes);
    bytes.extend(checksum.as_bytes());
    checksum
}

/// What a seal was put on.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] when the bytes are not what was sealed.
pub(super) fn unsealed(bytes: &[u8]) -> io::Result<&[u8]> {
    let whole = bytes.split_last_chunk::<SEAL_BYTES>();
    let (body, checksum) = whole.ok_or_else(|| damaged("it is too short"))?;
    if blake3::hash(body) == *checksum { Ok(body) } else { Err(damaged("its checksum is wrong")) }
}

/// Says that a file is not what was written.
pub(super) fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Whether a failure to read says that the file is not what was written, not that it could not be read just now.
pub(super) fn is_damage(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

/// Writes a file as one durable step, replacing one of the name.
pub(super) fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let temporary = folder.join(format!("{name}{WRITING}{}", std::process::id()));
    replace(&folder.join(name), &temporary, bytes).inspect_err(|_| {
        // The first failure says what went wrong; a second one adds nothing to it.
        let _ = fs::remove_file(&temporary);
    })
}

/// Removes what runs that were killed had begun to write. Only where no other run writes.
pub(super) fn remove_unfinished(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.contains(WRITING)) {
            // Whatever stays is no more than wasted space, and is tried again.
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_change_breaks_a_seal() {
        let mut bytes = b"some bytes".to_vec();
        seal(&mut bytes);
        assert_eq!(unsealed(&bytes).unwrap(), b"some bytes");
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(is_damage(&unsealed(&changed).unwrap_err()), "byte {at}");
            assert!(is_damage(&unsealed(&bytes[..at]).unwrap_err()), "length {at}");
        }
    }

    #[test]
    fn what_was_cut_off_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "whole", b"bytes").unwrap();
        fs::write(folder.path().join("other.writing-7"), b"by").unwrap();
        remove_unfinished(folder.path());
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["whole"]);
    }
}
