//! Features of images seen before, on disk, between runs. This room refuses to fail a night: what it cannot read it forgets,
//! what it cannot write it reports, and in both cases the vector is computed again.
//!
//! The cache is a folder of segments that never change once they have their name. A segment is the magic, the dimension and
//! the number of entries (u32, little-endian), then all keys, then all rows of f32 (little-endian), then the BLAKE3 hash of
//! everything before it. Its name is made of that hash, so writing the same segment twice is harmless.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Names an image under an embedder: [`key`].
pub(super) type Key = [u8; 32];

const MAGIC: [u8; 8] = *b"TWSEMB01";
const HEADER_BYTES: usize = MAGIC.len() + 8;
const EXTENSION: &str = "segment";
/// A run that is killed loses fewer new images than this.
const ENTRIES_A_SEGMENT: usize = 1024;

/// The key of an image's features: its bytes and everything that decides what they become.
pub(super) fn key(image: &blake3::Hash, fingerprint: &str) -> Key {
    let mut hasher = blake3::Hasher::new();
    hasher.update(image.as_bytes()).update(fingerprint.as_bytes());
    *hasher.finalize().as_bytes()
}

/// The features known from earlier runs, and those that this run adds.
#[derive(Debug)]
pub(super) struct Cache {
    /// `None` keeps nothing.
    folder: Option<PathBuf>,
    dimension: usize,
    segments: Vec<PathBuf>,
    places: HashMap<Key, Place>,
    pending: Vec<(Key, Vec<f32>)>,
}

/// Where a row of features lies.
#[derive(Clone, Copy, Debug)]
struct Place {
    segment: usize,
    /// In bytes from the segment's start.
    offset: u64,
}

impl Cache {
    /// Looks at every segment in `folder`, which is created when the first segment is written.
    pub(super) fn open(folder: Option<PathBuf>, dimension: usize) -> Cache {
        let mut cache = Cache { folder, dimension, segments: Vec::new(), places: HashMap::new(), pending: Vec::new() };
        for path in cache.folder.as_deref().map(segments_in).unwrap_or_default() {
            match keys_of(&path, dimension) {
                Ok(keys) => {
                    let segment = cache.segments.len();
                    let rows = HEADER_BYTES + keys.len() * size_of::<Key>();
                    let offsets = (rows as u64..).step_by(dimension * 4);
                    cache
                        .places
                        .extend(keys.into_iter().zip(offsets).map(|(k, offset)| (k, Place { segment, offset })));
                    cache.segments.push(path);
                }
                Err(cause) => tracing::warn!(
                    "ignoring the cache segment `{}`: {cause}; its images are embedded again",
                    path.display()
                ),
            }
        }
        cache
    }

    /// The features that an earlier run left for `key`.
    pub(super) fn get(&self, key: &Key) -> Option<Vec<f32>> {
        let place = self.places.get(key)?;
        let path = &self.segments[place.segment];
        read_row(path, place.offset, self.dimension)
            .inspect_err(|cause| tracing::warn!("cannot read the cache segment `{}`: {cause}", path.display()))
            .ok()
    }

    /// Keeps new features; writes a segment whenever enough have come together.
    pub(super) fn add(&mut self, key: Key, features: Vec<f32>) {
        if self.folder.is_some() {
            self.pending.push((key, features));
            if self.pending.len() >= ENTRIES_A_SEGMENT {
                self.flush();
            }
        }
    }

    /// Writes what is not written yet.
    pub(super) fn flush(&mut self) {
        let Some(folder) = self.folder.as_deref().filter(|_| !self.pending.is_empty()) else { return };
        if let Err(cause) = write_segment(folder, self.dimension, &self.pending) {
            tracing::warn!(
                "cannot keep {} vectors in the cache `{}`: {cause}; the next run computes them again",
                self.pending.len(),
                folder.display()
            );
        }
        self.pending.clear();
    }
}

/// All segments, by name, so that which of two equal keys counts does not depend on the file system.
fn segments_in(folder: &Path) -> Vec<PathBuf> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(cause) => {
            tracing::warn!("cannot read the cache `{}`: {cause}; every image is embedded again", folder.display());
            return Vec::new();
        }
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == EXTENSION));
    paths.sort_unstable();
    paths
}

/// The keys of a segment whose checksum is right.
fn keys_of(path: &Path, dimension: usize) -> io::Result<Vec<Key>> {
    let damaged = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
    let file = File::open(path)?;
    let actual = file.metadata()?.len();
    let mut reader = BufReader::with_capacity(1 << 18, file);

    let mut header = [0; HEADER_BYTES];
    reader.read_exact(&mut header)?;
    let number = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes")) as usize;
    let (stored_dimension, entries) = (number(MAGIC.len()), number(MAGIC.len() + 4));
    if header[..MAGIC.len()] != MAGIC {
        return Err(damaged("it is no segment"));
    }
    if stored_dimension != dimension {
        return Err(damaged("its vectors have another dimension"));
    }
    let body = entries.checked_mul(size_of::<Key>() + dimension * 4);
    let expected = body.and_then(|body| body.checked_add(HEADER_BYTES + blake3::OUT_LEN));
    if expected.and_then(|expected| u64::try_from(expected).ok()) != Some(actual) {
        return Err(damaged("it has another length than its header says"));
    }

    let mut keys = vec![[0; size_of::<Key>()]; entries];
    reader.read_exact(keys.as_flattened_mut())?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&header).update(keys.as_flattened());
    hasher.update_reader((&mut reader).take(u64::try_from(entries * dimension * 4).unwrap_or(u64::MAX)))?;
    let mut checksum = [0; blake3::OUT_LEN];
    reader.read_exact(&mut checksum)?;
    if hasher.finalize() != checksum {
        return Err(damaged("its checksum is wrong"));
    }
    Ok(keys)
}

fn read_row(path: &Path, offset: u64, dimension: usize) -> io::Result<Vec<f32>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = vec![0; dimension * 4];
    file.read_exact(&mut bytes)?;
    let (values, _) = bytes.as_chunks::<4>();
    Ok(values.iter().map(|&value| f32::from_le_bytes(value)).collect())
}

fn write_segment(folder: &Path, dimension: usize, entries: &[(Key, Vec<f32>)]) -> io::Result<()> {
    let small = |number: usize| u32::try_from(number).expect("segments are small").to_le_bytes();
    let mut bytes = Vec::with_capacity(HEADER_BYTES + entries.len() * (size_of::<Key>() + dimension * 4) + 32);
    bytes.extend(MAGIC);
    bytes.extend(small(dimension));
    bytes.extend(small(entries.len()));
    bytes.extend(entries.iter().flat_map(|(key, _)| key));
    bytes.extend(entries.iter().flat_map(|(_, row)| row).flat_map(|value| value.to_le_bytes()));
    let checksum = blake3::hash(&bytes);
    bytes.extend(checksum.as_bytes());

    fs::create_dir_all(folder)?;
    let name = &checksum.to_hex()[..32];
    let temporary = folder.join(format!("{name}.writing-{}", std::process::id()));
    let mut file = File::create(&temporary)?;
    let written = file.write_all(&bytes).and_then(|()| file.sync_all());
    let renamed = written.and_then(|()| fs::rename(&temporary, folder.join(format!("{name}.{EXTENSION}"))));
    if renamed.is_err() {
        // The warning about the segment says what went wrong; a second failure adds nothing to it.
        let _ = fs::remove_file(&temporary);
        return renamed;
    }
    // The name must outlive a power cut as well; a folder cannot be synced everywhere.
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .or_else(|cause| if cfg!(unix) { Err(cause) } else { Ok(()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(seed: u8) -> (Key, Vec<f32>) {
        ([seed; 32], vec![f32::from(seed), -0.5, f32::MIN_POSITIVE])
    }

    fn written(folder: &Path, seeds: std::ops::Range<u8>) {
        let mut cache = Cache::open(Some(folder.to_owned()), 3);
        seeds.map(row).for_each(|(key, features)| cache.add(key, features));
        cache.flush();
    }

    fn only_segment(folder: &Path) -> PathBuf {
        let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        files.into_iter().next().unwrap()
    }

    #[test]
    fn what_one_run_adds_the_next_run_finds() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("cache/embeddings");
        written(&folder, 0..5);
        written(&folder, 5..9);
        let cache = Cache::open(Some(folder), 3);
        for (key, features) in (0..9).map(row) {
            assert_eq!(cache.get(&key), Some(features));
        }
        assert_eq!(cache.get(&[9; 32]), None);
    }

    #[test]
    fn a_damaged_segment_is_forgotten_wherever_the_damage_is() {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path(), 0..4);
        let path = only_segment(folder.path());
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x40;
            fs::write(&path, &bytes).unwrap();
            assert!(Cache::open(Some(folder.path().to_owned()), 3).places.is_empty(), "byte {at}");
        }
        for length in [0, 7, HEADER_BYTES, whole.len() - 1] {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(Cache::open(Some(folder.path().to_owned()), 3).places.is_empty(), "length {length}");
        }
        // The next run writes it anew under the same name.
        written(folder.path(), 0..4);
        assert_eq!(fs::read(only_segment(folder.path())).unwrap(), whole);
    }

    #[test]
    fn one_bad_segment_does_not_take_the_others_with_it() {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path(), 0..4);
        fs::write(folder.path().join("0.segment"), b"garbage").unwrap();
        fs::write(folder.path().join("f.writing-1"), b"left by a run that was killed").unwrap();
        assert_eq!(Cache::open(Some(folder.path().to_owned()), 3).places.len(), 4);
        assert!(Cache::open(Some(folder.path().to_owned()), 4).places.is_empty());
    }

    #[test]
    fn a_segment_that_vanishes_during_the_run_is_a_miss() {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path(), 0..4);
        let cache = Cache::open(Some(folder.path().to_owned()), 3);
        fs::remove_file(only_segment(folder.path())).unwrap();
        assert_eq!(cache.get(&[1; 32]), None);
    }

    #[test]
    fn a_full_segment_is_written_without_being_asked() {
        let folder = tempfile::tempdir().unwrap();
        let mut cache = Cache::open(Some(folder.path().to_owned()), 1);
        for i in 0..ENTRIES_A_SEGMENT {
            cache.add(*blake3::hash(&i.to_le_bytes()).as_bytes(), vec![1.0]);
        }
        assert_eq!(Cache::open(Some(folder.path().to_owned()), 1).places.len(), ENTRIES_A_SEGMENT);
    }

    #[test]
    fn a_folder_that_cannot_be_written_costs_only_the_cache() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), b"").unwrap();
        written(&folder.path().join("file/cache"), 0..3);
        assert!(Cache::open(Some(folder.path().join("file/cache")), 3).places.is_empty());
    }

    #[test]
    fn the_embedder_is_part_of_the_key() {
        let image = blake3::hash(b"image");
        assert_ne!(key(&image, "a"), key(&image, "b"));
        assert_ne!(key(&image, "a"), key(&blake3::hash(b"other"), "a"));
    }
}
