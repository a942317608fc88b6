//! What earlier nights saw: which file had which content, when each content and each embedder was last used. This room refuses
//! nothing: an index that is lost costs the reading of every file, once.
//!
//! The file is the magic, the numbers of embedders and of files (u32, little-endian), the embedders (hash of the fingerprint, day),
//! the files (signature, hash of the content, day) by signature, then the seal. A day counts from 1970. A file without a signature
//! only says when its content was used.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::path::Path;

use rayon::prelude::*;

use super::Content;
use super::sealed::{damaged, seal, unsealed, write};
use super::segment::Fingerprint;
use crate::photos::Signature;

const MAGIC: [u8; 8] = *b"TWSIDX01";
const NAME: &str = "index";
/// Days after which what no night used is forgotten.
pub(super) const KEPT_DAYS: u32 = 90;

/// A file's signature, its content, and the day.
pub(super) const RECORD_BYTES: usize = size_of::<Signature>() + size_of::<Content>() + 4;
const EMBEDDER_BYTES: usize = size_of::<Fingerprint>() + 4;
/// The signature of a file that must be read every night.
const UNSIGNED: Signature = [0; 16];

/// One file as the index keeps it.
#[derive(Clone, Copy, Debug)]
struct Record {
    signature: Signature,
    content: Content,
    day: u32,
    /// Whether this run saw it.
    is_new: bool,
}

impl Record {
    fn parse(bytes: &[u8; RECORD_BYTES]) -> Record {
        let (signature, rest) = bytes.split_first_chunk().expect("a signature");
        let (content, day) = rest.split_first_chunk().expect("a content");
        let day = u32::from_le_bytes(day.try_into().expect("a day"));
        Record { signature: *signature, content: *content, day, is_new: false }
    }
}

/// What is known of files, contents and embedders.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The file that was read or written last, up to its seal.
    body: Vec<u8>,
    /// Where the files begin in it.
    files_at: usize,
    embedders: BTreeMap<Fingerprint, u32>,
    seen: Vec<(Signature, Content)>,
}

impl Index {
    /// The index of a folder; an empty one where there is none.
    pub(super) fn read(folder: &Path) -> io::Result<Index> {
        match fs::read(folder.join(NAME)) {
            Ok(bytes) => Index::parse(bytes),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(Index::default()),
            Err(cause) => Err(cause),
        }
    }

    fn parse(mut bytes: Vec<u8>) -> io::Result<Index> {
        let length = unsealed(&bytes)?.len();
        bytes.truncate(length);
        let wrong = || damaged("it is no index of this version");
        let (magic, rest) = bytes.split_first_chunk::<8>().ok_or_else(wrong)?;
        let (embedders, rest) = rest.split_first_chunk::<4>().ok_or_else(wrong)?;
        let (files, rest) = rest.split_first_chunk::<4>().ok_or_else(wrong)?;
        let [embedders, files] = [embedders, files].map(|number| u32::from_le_bytes(*number) as usize);
        if *magic != MAGIC || rest.len() != embedders * EMBEDDER_BYTES + files * RECORD_BYTES {
            return Err(wrong());
        }
        let parse = |bytes: &[u8; EMBEDDER_BYTES]| {
            let (fingerprint, day) = bytes.split_first_chunk().expect("a fingerprint");
            (*fingerprint, u32::from_le_bytes(day.try_into().expect("a day")))
        };
        let parsed = rest[..embedders * EMBEDDER_BYTES].as_chunks().0.iter().map(parse).collect();
        let files_at = bytes.len() - files * RECORD_BYTES;
        Ok(Index { body: bytes, files_at, embedders: parsed, seen: Vec::new() })
    }

    fn records(&self) -> &[[u8; RECORD_BYTES]] {
        self.body[self.files_at..].as_chunks().0
    }

    /// The content that a file had when it had this signature.
    pub(super) fn content(&self, signature: &Signature) -> Option<Content> {
        let of = |record: &[u8; RECORD_BYTES]| *record.first_chunk::<16>().expect("a signature");
        let records = self.records();
        let found = records.binary_search_by_key(signature, of).ok().filter(|_| *signature != UNSIGNED)?;
        Some(Record::parse(&records[found]).content)
    }

    /// Notes that a file with this content was seen; without a signature, that the content was used.
    pub(super) fn note(&mut self, signature: Option<Signature>, content: Content) {
        self.seen.push((signature.unwrap_or(UNSIGNED), content));
    }

    /// When an embedder was last used, if that is known.
    pub(super) fn embedder_used(&self, fingerprint: &Fingerprint) -> Option<u32> {
        self.embedders.get(fingerprint).copied()
    }

    /// Notes that an embedder is used.
    pub(super) fn use_embedder(&mut self, fingerprint: Fingerprint, today: u32) {
        let day = self.embedders.entry(fingerprint).or_default();
        *day = (*day).max(today);
    }

    /// Every content that the index knows.
    pub(super) fn contents(&self) -> HashSet<Content> {
        let seen = self.seen.iter().map(|(_, content)| *content);
        self.records().iter().map(|record| Record::parse(record).content).chain(seen).collect()
    }

    /// Takes over what another run wrote meanwhile.
    pub(super) fn rebase(&mut self, onto: Index) {
        for (fingerprint, day) in &onto.embedders {
            self.use_embedder(*fingerprint, *day);
        }
        (self.body, self.files_at) = (onto.body, onto.files_at);
    }

    /// Merges what was noted into what was known and writes it, unless it is the same. Of each content the files of its latest day
    /// stay; contents and embedders that were not used for [`KEPT_DAYS`] go.
    pub(super) fn write(&mut self, folder: &Path, today: u32) -> io::Result<()> {
        let is_kept = |day: u32| today.saturating_sub(day) < KEPT_DAYS;
        self.embedders.retain(|_, day| is_kept(*day));
        let known = self.records().iter().map(Record::parse).filter(|record| is_kept(record.day));
        let seen =
            self.seen.iter().map(|&(signature, content)| Record { signature, content, day: today, is_new: true });
        let mut records: Vec<Record> = known.chain(seen).collect();
        records.par_sort_unstable_by_key(|r| (r.content, Reverse((r.day, r.signature))));
        let mut latest: Option<(Content, u32)> = None;
        records.retain(|record| match latest {
            Some((content, day)) if content == record.content => day == record.day && record.signature != UNSIGNED,
            _ => {
                latest = Some((record.content, record.day));
                true
            }
        });
        // A signature has one content: the one that was seen last.
        records.par_sort_unstable_by_key(|r| (r.signature, Reverse((r.day, r.is_new)), r.content));
        records.dedup_by_key(|r| (r.signature, (r.signature == UNSIGNED).then_some(r.content)));
        let number = |number: usize| u32::try_from(number).expect("fewer than 2^32 files").to_le_bytes();
        let mut bytes = Vec::with_capacity(1024 + records.len() * RECORD_BYTES);
        bytes.extend(MAGIC);
        bytes.extend(number(self.embedders.len()));
        bytes.extend(number(records.len()));
        bytes.extend(
            self.embedders.iter().flat_map(|(fingerprint, day)| [&fingerprint[..], &day.to_le_bytes()].concat()),
        );
        let files_at = bytes.len();
        for Record { signature, content, day, .. } in &records {
            bytes.extend(signature);
            bytes.extend(content);
            bytes.extend(day.to_le_bytes());
        }
        if bytes != self.body {
            let length = bytes.len();
            seal(&mut bytes);
            write(folder, NAME, &bytes)?;
            bytes.truncate(length);
            (self.body, self.files_at) = (bytes, files_at);
        }
        self.seen.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(folder: &Path, today: u32, seen: &[(u8, u8)]) -> Index {
        let mut index = Index::read(folder).unwrap();
        for &(signature, content) in seen {
            index.note((signature > 0).then_some([signature; 16]), [content; 32]);
        }
        index.write(folder, today).unwrap();
        Index::read(folder).unwrap()
    }

    fn contents(index: &Index, signatures: std::ops::Range<u8>) -> Vec<Option<u8>> {
        signatures.map(|signature| Some(index.content(&[signature; 16])?[0])).collect()
    }

    #[test]
    fn what_was_noted_is_found_until_the_file_or_its_content_changes() {
        let folder = tempfile::tempdir().unwrap();
        let first = noted(folder.path(), 100, &[(2, 20), (1, 10), (3, 20), (0, 30), (1, 10)]);
        assert_eq!(contents(&first, 0..5), [None, Some(10), Some(20), Some(20), None]);
        assert_eq!(first.records().len(), 4);
        // A touched file: its old signature is forgotten with the next night that sees the content.
        let second = noted(folder.path(), 101, &[(4, 10), (2, 20), (3, 20), (5, 30)]);
        assert_eq!(contents(&second, 1..6), [None, Some(20), Some(20), Some(10), Some(30)]);
        // A night that sees nothing keeps what there is.
        assert_eq!(contents(&noted(folder.path(), 102, &[]), 1..6), contents(&second, 1..6));
    }

    #[test]
    fn what_no_night_uses_is_forgotten_after_ninety_days() {
        let folder = tempfile::tempdir().unwrap();
        noted(folder.path(), 100, &[(1, 10), (2, 20)]);
        let kept = noted(folder.path(), 189, &[(2, 20)]);
        assert_eq!(contents(&kept, 1..3), [Some(10), Some(20)]);
        let later = noted(folder.path(), 190, &[]);
        assert_eq!(contents(&later, 1..3), [None, Some(20)]);
        // A clock that was set back forgets nothing.
        assert_eq!(contents(&noted(folder.path(), 5, &[]), 1..3), [None, Some(20)]);
    }

    #[test]
    fn two_runs_at_once_both_count() {
        let folder = tempfile::tempdir().unwrap();
        let (mut a, mut b) = (Index::read(folder.path()).unwrap(), Index::read(folder.path()).unwrap());
        a.note(Some([1; 16]), [10; 32]);
        a.use_embedder([7; 32], 100);
        a.write(folder.path(), 100).unwrap();
        b.note(Some([2; 16]), [20; 32]);
        b.rebase(Index::read(folder.path()).unwrap());
        b.write(folder.path(), 100).unwrap();
        let both = Index::read(folder.path()).unwrap();
        assert_eq!(contents(&both, 1..3), [Some(10), Some(20)]);
        assert_eq!(both.embedder_used(&[7; 32]), Some(100));
    }

    #[test]
    fn a_damaged_index_is_an_error_wherever_the_damage_is() {
        let folder = tempfile::tempdir().unwrap();
        noted(folder.path(), 100, &[(1, 10)]);
        let path = folder.path().join(NAME);
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs::write(&path, bytes).unwrap();
            assert!(Index::read(folder.path()).is_err(), "byte {at}");
        }
    }
}
