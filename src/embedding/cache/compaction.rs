//! Fewer and fuller segments. This room refuses to remove a row before it lies durably in another segment, or is not wanted any more:
//! whenever it is interrupted, at worst a row lies in two segments.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Content;
use super::segment::{FULL, Fingerprint, Header, Segment, write_segment};

/// Segments that are less than half full, of which so many may lie about.
const SMALL: usize = 8;
/// Segments lose their dead rows when these are more than one in so many.
const DEAD: usize = 4;

/// A segment and the images in it.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) path: PathBuf,
    pub(super) header: Header,
    pub(super) images: Vec<Content>,
}

/// Merges the small segments of an embedder when there are many, and rewrites those with rows that are dead (the image is not in
/// `live`, or another segment has it too) when that frees a quarter. Says how many segments became how many.
pub(super) fn compact(
    folder: &Path,
    segments: &[Listed],
    (fingerprint, dimension): (&Fingerprint, usize),
    live: &HashSet<Content>,
) -> io::Result<Option<(usize, usize)>> {
    let mut elsewhere = HashSet::new();
    let (mut rows, mut dead_rows) = (0, 0);
    let mut own = Vec::new();
    for segment in segments.iter().filter(|segment| segment.header.fingerprint == *fingerprint) {
        let is_dead = |image: &&Content| !live.contains(*image) || !elsewhere.insert(**image);
        let dead = segment.images.iter().filter(is_dead).count();
        rows += segment.images.len();
        dead_rows += dead;
        own.push((segment, segment.images.len() < FULL / 2, dead > 0));
    }
    let merges = own.iter().filter(|(_, is_small, _)| *is_small).count() > SMALL;
    let cleans = dead_rows * DEAD > rows;
    own.retain(|(_, is_small, has_dead)| (merges && *is_small) || (cleans && *has_dead));
    if own.is_empty() {
        return Ok(None);
    }

    // Rows that stay where they are need not be written again.
    let rewritten: HashSet<&Path> = own.iter().map(|(segment, ..)| segment.path.as_path()).collect();
    let staying = segments.iter().filter(|segment| segment.header.fingerprint == *fingerprint);
    let staying = staying.filter(|segment| !rewritten.contains(segment.path.as_path()));
    let mut written: HashSet<Content> = staying.flat_map(|segment| &segment.images).copied().collect();
    let mut made = HashSet::new();
    let mut waiting = Vec::new();
    for (segment, ..) in &own {
        let Some(whole) = Segment::read(&segment.path, fingerprint, dimension)? else { continue };
        for (entry, image) in whole.images().iter().enumerate() {
            if live.contains(image) && written.insert(*image) {
                waiting.push((*image, whole.row(entry)));
            }
            if waiting.len() == FULL {
                made.insert(write_segment(folder, fingerprint, dimension, &waiting)?);
                waiting.clear();
            }
        }
    }
    if !waiting.is_empty() {
        made.insert(write_segment(folder, fingerprint, dimension, &waiting)?);
    }
    for (segment, ..) in own.iter().filter(|(segment, ..)| !made.contains(&segment.path)) {
        fs::remove_file(&segment.path)?;
    }
    Ok(Some((own.len(), made.len())))
}
