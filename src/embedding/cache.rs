//! What earlier runs learned of images: their features, what they are called and why some cannot be decoded. This room refuses to
//! fail a night: what it cannot read it forgets, what it cannot write it reports, and in both cases the work is done again.
//!
//! The cache is a folder of segments (features under one embedder; they never change once they have their name), an index (which
//! file had which content, when what was last used), the faults of images, and a lock. A run holds the lock together with others
//! while it works. Only who holds it alone tidies up; without it nothing is lost but time.

mod compaction;
mod faults;
mod index;
mod sealed;
mod segment;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use rayon::prelude::*;

use super::{VectorFault, make_unit};
use crate::photos::{DECODER, Fault, Signature};
use compaction::{Listed, compact};
use faults::Faults;
use index::{Index, KEPT_DAYS};
use sealed::{is_damage, remove_unfinished};
use segment::{FULL, Fingerprint, Segment, images_of, row_of, segments_in, write_segment};

/// Names an image: the BLAKE3 hash of its file.
pub(super) type Content = [u8; 32];

/// Images after which a run writes its first segment. It doubles up to [`MANY`], so that a run that is killed early loses little too.
const FIRST: usize = 32;
/// With a chunk of images added they still fit one segment.
const MANY: usize = FULL / 4 * 3;
/// Computed features wait no longer for their segment.
const EVERY: Duration = Duration::from_secs(5);
/// What was seen of files, and which images cannot be decoded, is kept this often while a run computes.
const NOTES_EVERY: Duration = Duration::from_mins(1);
/// A run waits no longer for another one that tidies up.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is known from earlier runs, and what this run adds.
#[derive(Debug)]
pub(super) struct Cache {
    /// `None` keeps nothing.
    folder: Option<PathBuf>,
    fingerprint: Fingerprint,
    dimension: usize,
    today: u32,
    index: Index,
    faults: Faults,
    segments: Vec<PathBuf>,
    places: HashMap<Content, Place>,
    pending: Vec<(Content, Vec<f32>)>,
    /// How many may be pending.
    due: usize,
    written: Instant,
    noted: Instant,
    lock: Option<File>,
}

/// Where a row of features lies.
#[derive(Clone, Copy, Debug)]
struct Place {
    segment: u32,
    entry: u32,
}

impl Cache {
    /// Reads what a folder knows of files and faults. The folder is created where it is missing.
    pub(super) fn open(folder: Option<PathBuf>, fingerprint: &str, dimension: usize) -> Cache {
        Cache::open_on(folder, fingerprint, dimension, today())
    }

    fn open_on(folder: Option<PathBuf>, fingerprint: &str, dimension: usize, today: u32) -> Cache {
        let found_by = format!("{DECODER} for {fingerprint}");
        let fingerprint = *blake3::hash(fingerprint.as_bytes()).as_bytes();
        let mut cache = Cache {
            folder,
            fingerprint,
            dimension,
            today,
            index: Index::default(),
            faults: Faults::new(&found_by),
            segments: Vec::new(),
            places: HashMap::new(),
            pending: Vec::new(),
            due: FIRST,
            written: Instant::now(),
            noted: Instant::now(),
            lock: None,
        };
        if let Some(folder) = &cache.folder {
            cache.lock = lock(folder);
            let forgotten = |what: &str, cause: &io::Error, so: &str| {
                tracing::warn!("ignoring `{}` of the cache: {cause}; {so}", folder.join(what).display());
            };
            cache.index = Index::read(folder)
                .inspect_err(|cause| forgotten("index", cause, "every image is read again"))
                .unwrap_or_default();
            cache.faults = Faults::read(folder, &found_by)
                .inspect_err(|cause| forgotten("faults", cause, "they are looked for again"))
                .unwrap_or_else(|_| Faults::lost(&found_by));
        }
        cache
    }

    /// The content that a file had when it had this signature.
    pub(super) fn content(&self, signature: &Signature) -> Option<Content> {
        self.index.content(signature)
    }

    /// Why an image cannot be decoded, if that is known.
    pub(super) fn fault(&self, content: &Content) -> Option<&Fault> {
        self.faults.get(content)
    }

    /// The segments to [`Cache::load`], in the order in which they count.
    pub(super) fn segments(&self) -> Vec<PathBuf> {
        let Some(folder) = self.folder.as_deref() else { return Vec::new() };
        segments_in(folder)
            .inspect_err(|cause| tracing::warn!("cannot read the cache `{}`: {cause}", folder.display()))
            .unwrap_or_default()
    }

    /// Reads whole segments side by side and makes the wanted features unit, in the order of the segments; where the others lie is
    /// remembered for [`Cache::get`].
    pub(super) fn load(
        &mut self,
        segments: &[PathBuf],
        is_wanted: impl Fn(&Content) -> bool + Sync,
    ) -> Vec<(Content, Result<Vec<f32>, VectorFault>)> {
        let read = |path: &PathBuf| {
            let segment = Segment::read(path, &self.fingerprint, self.dimension).unwrap_or_else(|cause| {
                forget(path, &cause);
                None
            })?;
            let unit =
                |(entry, image): (usize, &Content)| (*image, is_wanted(image).then(|| make_unit(&segment.row(entry))));
            Some((path.clone(), segment.images().iter().enumerate().map(unit).collect::<Vec<_>>()))
        };
        let loaded: Vec<_> = segments.par_iter().filter_map(read).collect();
        let mut units = Vec::new();
        for (path, rows) in loaded {
            let segment = small(self.segments.len());
            self.segments.push(path);
            for (entry, (image, unit)) in (0..).zip(rows) {
                match unit {
                    Some(unit) => units.push((image, unit)),
                    None => _ = self.places.insert(image, Place { segment, entry }),
                }
            }
        }
        units
    }

    /// Features that [`Cache::load`] left where they are.
    pub(super) fn get(&self, content: &Content) -> Option<Vec<f32>> {
        let place = self.places.get(content)?;
        let path = &self.segments[place.segment as usize];
        row_of(path, place.entry as usize, self.dimension)
            .inspect_err(|cause| tracing::warn!("cannot read the cache segment `{}`: {cause}", path.display()))
            .ok()
    }

    /// Notes that a file with this content was seen. Without a signature the file must be read again next time.
    pub(super) fn note(&mut self, signature: Option<Signature>, content: Content) {
        if self.folder.is_some() {
            self.index.note(signature, content);
        }
    }

    /// Keeps new features, at the next [`Cache::checkpoint`] that finds it time.
    pub(super) fn add(&mut self, content: Content, features: Vec<f32>) {
        if self.folder.is_some() {
            self.pending.push((content, features));
            self.faults.remove(&content);
        }
    }

    /// Remembers why an image cannot be decoded.
    pub(super) fn add_fault(&mut self, content: Content, fault: &Fault) {
        if self.folder.is_some() {
            self.faults.add(content, fault);
        }
    }

    /// Writes a segment when enough images or enough time has come together.
    pub(super) fn checkpoint(&mut self) {
        if self.pending.len() >= self.due || self.written.elapsed() >= EVERY {
            self.flush();
        }
        if let Some(folder) = self.folder.as_deref().filter(|_| self.noted.elapsed() >= NOTES_EVERY) {
            self.noted = Instant::now();
            let written = self.index.write(folder, self.today).and_then(|()| self.faults.write(folder));
            say_unwritten(written, folder);
        }
    }

    /// Writes what is not written yet, and tidies up where no other run is at work.
    pub(super) fn finish(mut self) {
        self.flush();
        let Some(folder) = self.folder.take() else { return };
        let is_alone = self.lock.as_ref().is_some_and(|lock| lock.unlock().is_ok() && lock.try_lock().is_ok());
        // Others may have written while this run computed. An index that cannot be read is replaced by this run's.
        self.index.rebase(Index::read(&folder).unwrap_or_default());
        self.index.use_embedder(self.fingerprint, self.today);
        let written = if is_alone { self.tidy(&folder) } else { self.index.write(&folder, self.today) };
        say_unwritten(written.and_then(|()| self.faults.write(&folder)), &folder);
    }

    fn flush(&mut self) {
        let Some(folder) = self.folder.as_deref() else { return };
        for some in self.pending.chunks(FULL) {
            if let Err(cause) = write_segment(folder, &self.fingerprint, self.dimension, some) {
                tracing::warn!(
                    "cannot keep {} vectors in the cache `{}`: {cause}; the next run computes them again",
                    some.len(),
                    folder.display()
                );
            }
        }
        if !self.pending.is_empty() {
            self.pending.clear();
            self.due = (self.due * 2).min(MANY);
        }
        self.written = Instant::now();
    }

    /// Forgets what has not been used for long, and merges segments. No other run is at work.
    fn tidy(&mut self, folder: &Path) -> io::Result<()> {
        remove_unfinished(folder);
        let mut segments = Vec::new();
        let list = |path: PathBuf| images_of(&path).map(|(header, images)| Listed { path, header, images }).ok();
        let known = self.index.contents();
        for listed in segments_in(folder)?.into_iter().filter_map(list) {
            let fingerprint = listed.header.fingerprint;
            match self.index.embedder_used(&fingerprint) {
                Some(day) if self.today.saturating_sub(day) >= KEPT_DAYS => {
                    fs::remove_file(&listed.path)?;
                    continue;
                }
                // Of what the index does not know, because it was lost or a run was killed, time runs from now on.
                None => self.index.use_embedder(fingerprint, self.today),
                Some(_) => {}
            }
            let unknown = listed.images.iter().filter(|image| !known.contains(*image));
            unknown.for_each(|image| self.index.note(None, *image));
            segments.push(listed);
        }
        drop(known);
        self.index.write(folder, self.today)?;
        let live = self.index.contents();
        self.faults.retain(&live);
        let compacted = compact(folder, &segments, (&self.fingerprint, self.dimension), &live)?;
        if let Some((before, after)) = compacted {
            tracing::debug!("{before} segments of the cache became {after}");
        }
        Ok(())
    }
}

/// Holds the cache together with other runs; `None` where that cannot be: nothing depends on it but what tidying up costs.
fn lock(folder: &Path) -> Option<File> {
    fs::create_dir_all(folder).ok()?;
    let lock = File::options().create(true).truncate(false).write(true).open(folder.join("lock")).ok()?;
    let started = Instant::now();
    loop {
        match lock.try_lock_shared() {
            Ok(()) => return Some(lock),
            Err(fs::TryLockError::WouldBlock) if started.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(_) => return None,
        }
    }
}

/// Removes a segment that is not what was written, and says so; one that cannot be read just now stays.
fn forget(path: &Path, cause: &io::Error) {
    let named = path.display();
    if is_damage(cause) {
        let removed = if fs::remove_file(path).is_ok() { "it is removed" } else { "it cannot be removed" };
        tracing::warn!(
            "the cache segment `{named}` is damaged ({cause}): {removed}, and its images are embedded again"
        );
    } else if cause.kind() != io::ErrorKind::NotFound {
        tracing::warn!("ignoring the cache segment `{named}`: {cause}; its images are embedded again");
    }
}

fn say_unwritten(written: io::Result<()>, folder: &Path) {
    if let Err(cause) = written {
        tracing::warn!("cannot write to the cache `{}`: {cause}; the next run does more again", folder.display());
    }
}

/// Days since 1970 by the system's clock.
fn today() -> u32 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since.as_secs() / 86_400).unwrap_or(u32::MAX)
}

fn small(number: usize) -> u32 {
    u32::try_from(number).expect("fewer than 2^32 segments")
}

#[cfg(test)]
mod tests;
