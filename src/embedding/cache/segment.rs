//! Some images' features under one embedder, in a file that never changes once it has its name. This room refuses rows of a file
//! whose checksum is wrong.
//!
//! A segment is the magic, the BLAKE3 hash of the embedder's fingerprint, the dimension and the number of entries (u32,
//! little-endian), then the content hashes of the images, then their rows of f32 (little-endian), then the seal. Its name is made of
//! the seal, so writing the same segment twice is harmless.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::Content;
use super::sealed::{SEAL_BYTES, damaged, seal, unsealed, write};

const MAGIC: [u8; 8] = *b"TWSEMB02";
const HEADER_BYTES: usize = MAGIC.len() + 32 + 8;
const EXTENSION: &str = "segment";
/// The most images of a segment.
pub(super) const FULL: usize = 1024;

/// Names an embedder.
pub(super) type Fingerprint = [u8; 32];

/// What a segment's first bytes say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) fingerprint: Fingerprint,
    pub(super) dimension: usize,
    pub(super) entries: usize,
}

impl Header {
    fn read(file: &mut File) -> io::Result<Header> {
        let mut bytes = [0; HEADER_BYTES];
        file.read_exact(&mut bytes)?;
        let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize;
        if bytes[..MAGIC.len()] != MAGIC {
            return Err(damaged("it is no segment of this version"));
        }
        let fingerprint = bytes[MAGIC.len()..MAGIC.len() + 32].try_into().expect("32 bytes");
        let header = Header { fingerprint, dimension: number(HEADER_BYTES - 8), entries: number(HEADER_BYTES - 4) };
        let body = (header.dimension * 4 + size_of::<Content>()).checked_mul(header.entries);
        let length = body.and_then(|body| body.checked_add(HEADER_BYTES + SEAL_BYTES));
        if length.and_then(|length| u64::try_from(length).ok()) != Some(file.metadata()?.len()) {
            return Err(damaged("it has another length than its header says"));
        }
        Ok(header)
    }

    fn rows_at(&self) -> usize {
        HEADER_BYTES + self.entries * size_of::<Content>()
    }
}

/// A whole segment in memory, its checksum tested.
#[derive(Debug)]
pub(super) struct Segment {
    header: Header,
    bytes: Vec<u8>,
}

impl Segment {
    /// Reads a segment at once; `None` when it is of another embedder.
    pub(super) fn read(path: &Path, fingerprint: &Fingerprint, dimension: usize) -> io::Result<Option<Segment>> {
        let mut file = File::open(path)?;
        let header = Header::read(&mut file)?;
        if header.fingerprint != *fingerprint {
            return Ok(None);
        }
        file.seek(SeekFrom::Start(0))?;
        let mut bytes = Vec::with_capacity(header.rows_at() + header.entries * header.dimension * 4 + SEAL_BYTES);
        file.read_to_end(&mut bytes)?;
        unsealed(&bytes)?;
        if header.dimension != dimension {
            return Err(damaged("its vectors have another dimension"));
        }
        Ok(Some(Segment { header, bytes }))
    }

    /// The images of the segment.
    pub(super) fn images(&self) -> &[Content] {
        self.bytes[HEADER_BYTES..self.header.rows_at()].as_chunks().0
    }

    /// The features of one of them.
    pub(super) fn row(&self, entry: usize) -> Vec<f32> {
        let length = self.header.dimension * 4;
        let start = self.header.rows_at() + entry * length;
        floats(&self.bytes[start..start + length])
    }
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|&value| f32::from_le_bytes(value)).collect()
}

/// The header and the images of a segment, without its rows: nothing here is tested.
pub(super) fn images_of(path: &Path) -> io::Result<(Header, Vec<Content>)> {
    let mut file = File::open(path)?;
    let header = Header::read(&mut file)?;
    let mut images = vec![[0; size_of::<Content>()]; header.entries];
    file.read_exact(images.as_flattened_mut())?;
    Ok((header, images))
}

/// One row of a segment that was read before.
pub(super) fn row_of(path: &Path, entry: usize, dimension: usize) -> io::Result<Vec<f32>> {
    let mut file = File::open(path)?;
    let header = Header::read(&mut file)?;
    if header.dimension != dimension || entry >= header.entries {
        return Err(damaged("it is another segment than before"));
    }
    file.seek(SeekFrom::Start((header.rows_at() + entry * dimension * 4) as u64))?;
    let mut bytes = vec![0; dimension * 4];
    file.read_exact(&mut bytes)?;
    Ok(floats(&bytes))
}

/// Writes a segment durably; its path.
pub(super) fn write_segment(
    folder: &Path,
    fingerprint: &Fingerprint,
    dimension: usize,
    entries: &[(Content, Vec<f32>)],
) -> io::Result<PathBuf> {
    let small = |number: usize| u32::try_from(number).expect("segments are small").to_le_bytes();
    let body = entries.len() * (size_of::<Content>() + dimension * 4);
    let mut bytes = Vec::with_capacity(HEADER_BYTES + body + SEAL_BYTES);
    bytes.extend(MAGIC);
    bytes.extend(fingerprint);
    bytes.extend(small(dimension));
    bytes.extend(small(entries.len()));
    bytes.extend(entries.iter().flat_map(|(image, _)| image));
    bytes.extend(entries.iter().flat_map(|(_, row)| row).flat_map(|value| value.to_le_bytes()));
    let name = format!("{}.{EXTENSION}", &seal(&mut bytes).to_hex()[..32]);
    write(folder, &name, &bytes)?;
    Ok(folder.join(name))
}

/// All segments, by name, so that which of two equal images counts does not depend on the file system.
pub(super) fn segments_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == EXTENSION));
    paths.sort_unstable();
    Ok(paths)
}
