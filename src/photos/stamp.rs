//! What tells whether a file is as it was without reading it: path, size and times. This room refuses to vouch for a file that
//! changed so shortly before it was read that another change could look the same.

use std::fs::Metadata;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Names a file in one state: a hash of its path and of what the system says of it. A file that is written, replaced or moved gets
/// another one.
pub type Signature = [u8; 16];

/// The coarsest times that file systems in use keep (FAT's).
const TICK: Duration = Duration::from_secs(2);

/// A file as the system describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) signature: Signature,
    /// When it last changed, if that can be told.
    changed: Option<SystemTime>,
}

impl Stamp {
    /// `catalog_path` below the folder `root` is what the metadata are of.
    pub(super) fn of(root: &Path, catalog_path: &str, metadata: &Metadata) -> Stamp {
        let mut hasher = blake3::Hasher::new();
        for text in [root.as_os_str().as_encoded_bytes(), catalog_path.as_bytes()] {
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text);
        }
        hasher.update(&metadata.len().to_le_bytes());
        let changed = changed(metadata, &mut hasher);
        let signature = *hasher.finalize().as_bytes().first_chunk().expect("a hash is longer");
        Stamp { signature, changed }
    }

    /// Whether a change after `moment` would give another stamp: the file was last changed at least a tick before.
    pub(super) fn is_settled(&self, moment: SystemTime) -> bool {
        self.changed.is_some_and(|changed| moment.duration_since(changed).is_ok_and(|age| age >= TICK))
    }
}

/// The system sets the time of change whenever the file's content or name does; nobody else can.
#[cfg(unix)]
fn changed(metadata: &Metadata, hasher: &mut blake3::Hasher) -> Option<SystemTime> {
    use std::os::unix::fs::MetadataExt;
    let numbers = [
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime(),
        metadata.ctime_nsec(),
        metadata.ino().cast_signed(),
    ];
    for number in numbers {
        hasher.update(&number.to_le_bytes());
    }
    let (seconds, nanoseconds) = (u64::try_from(metadata.ctime()).ok()?, u64::try_from(metadata.ctime_nsec()).ok()?);
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds))
}

#[cfg(not(unix))]
fn changed(metadata: &Metadata, hasher: &mut blake3::Hasher) -> Option<SystemTime> {
    let modified = metadata.modified().ok()?;
    let since = modified.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    hasher.update(&since.as_nanos().to_le_bytes());
    Some(modified)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_in_another_state_or_place_has_another_signature() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jpg");
        let stamp = |root: &str, name: &str| Stamp::of(Path::new(root), name, &fs::metadata(&path).unwrap());
        fs::write(&path, b"one").unwrap();
        let first = stamp("/r", "a.jpg");
        assert_eq!(first, stamp("/r", "a.jpg"));
        assert_ne!(first.signature, stamp("/r", "b.jpg").signature);
        assert_ne!(first.signature, stamp("/r/a", ".jpg").signature);
        fs::write(&path, b"three").unwrap();
        assert_ne!(first.signature, stamp("/r", "a.jpg").signature);
    }

    #[cfg(unix)]
    #[test]
    fn a_picture_that_takes_the_place_of_another_with_its_size_and_time_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a.jpg"), folder.path().join("b.jpg"));
        let stamp = || Stamp::of(folder.path(), "a.jpg", &fs::metadata(&path).unwrap());
        fs::write(&path, b"one").unwrap();
        let first = stamp();
        fs::write(&other, b"two").unwrap();
        let then = fs::metadata(&path).unwrap().modified().unwrap();
        fs::File::options().write(true).open(&other).unwrap().set_modified(then).unwrap();
        fs::rename(&other, &path).unwrap();
        assert_ne!(first.signature, stamp().signature);
    }

    #[test]
    fn what_changed_a_moment_ago_is_not_settled() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jpg");
        fs::write(&path, b"one").unwrap();
        let stamp = Stamp::of(folder.path(), "a.jpg", &fs::metadata(&path).unwrap());
        let changed = stamp.changed.unwrap();
        assert!(!stamp.is_settled(changed) && !stamp.is_settled(changed + TICK - Duration::from_nanos(1)));
        assert!(stamp.is_settled(changed + TICK));
        // A clock that goes wrong vouches for nothing.
        assert!(!stamp.is_settled(changed - TICK));
    }
}
