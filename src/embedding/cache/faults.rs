//! Images that cannot be decoded, so that no night tries again what another one tried. This room refuses faults that do not follow
//! from an image's bytes alone.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Content;
use super::sealed::{damaged, seal, unsealed, write};
use crate::photos::Fault;

const NAME: &str = "faults";
/// The codes of faults that the bytes of an image decide.
const CODES: [&str; 3] = ["image_broken", "image_format", "image_too_large"];

/// The file: JSON, then the seal.
#[derive(Debug, Deserialize, Serialize)]
struct File {
    found_by: String,
    /// Image, code, detail.
    faults: Vec<(Content, String, String)>,
}

/// The faults of images by their content.
#[derive(Debug)]
pub(super) struct Faults {
    /// Who looked for them: another decoder, or one that looks at another part of a picture, may find others.
    found_by: String,
    by_content: BTreeMap<Content, Fault>,
    is_changed: bool,
}

impl Faults {
    /// No fault yet.
    pub(super) fn new(found_by: &str) -> Faults {
        Faults { found_by: found_by.to_owned(), by_content: BTreeMap::new(), is_changed: false }
    }

    /// The faults that are remembered in a folder; none where somebody else found them.
    pub(super) fn read(folder: &Path, found_by: &str) -> io::Result<Faults> {
        let bytes = match fs::read(folder.join(NAME)) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Faults::new(found_by)),
            bytes => bytes?,
        };
        let file: File = serde_json::from_slice(unsealed(&bytes)?)
            .map_err(|cause| damaged(&format!("it is not what was written: {cause}")))?;
        let known = |(content, code, detail): (Content, String, String)| {
            let code = CODES.into_iter().find(|known| *known == code)?;
            Some((content, Fault { code, detail }))
        };
        let faults = file.faults.into_iter().filter(|_| file.found_by == found_by);
        Ok(Faults { by_content: faults.filter_map(known).collect(), ..Faults::new(found_by) })
    }

    /// None, in place of a file that cannot be used.
    pub(super) fn lost(found_by: &str) -> Faults {
        Faults { is_changed: true, ..Faults::new(found_by) }
    }

    pub(super) fn get(&self, content: &Content) -> Option<&Fault> {
        self.by_content.get(content)
    }

    /// Remembers why an image cannot be decoded.
    pub(super) fn add(&mut self, content: Content, fault: &Fault) {
        if CODES.contains(&fault.code) && self.by_content.get(&content) != Some(fault) {
            self.by_content.insert(content, fault.clone());
            self.is_changed = true;
        }
    }

    /// Forgets that an image could not be decoded.
    pub(super) fn remove(&mut self, content: &Content) {
        self.is_changed |= self.by_content.remove(content).is_some();
    }

    /// Forgets all but the faults of these images.
    pub(super) fn retain(&mut self, contents: &HashSet<Content>) {
        let before = self.by_content.len();
        self.by_content.retain(|content, _| contents.contains(content));
        self.is_changed |= self.by_content.len() != before;
    }

    /// Writes what changed.
    pub(super) fn write(&mut self, folder: &Path) -> io::Result<()> {
        if !self.is_changed {
            return Ok(());
        }
        let fault = |(content, fault): (&Content, &Fault)| (*content, fault.code.to_owned(), fault.detail.clone());
        let file = File { found_by: self.found_by.clone(), faults: self.by_content.iter().map(fault).collect() };
        let mut bytes = serde_json::to_vec(&file)?;
        seal(&mut bytes);
        write(folder, NAME, &bytes)?;
        self.is_changed = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(code: &'static str) -> Fault {
        Fault { code, detail: "the JPEG \u{7} \"ends\"\nhere".to_owned() }
    }

    #[test]
    fn a_fault_of_the_bytes_is_remembered_word_for_word() {
        let folder = tempfile::tempdir().unwrap();
        let mut faults = Faults::read(folder.path(), "here").unwrap();
        faults.add([1; 32], &fault("image_broken"));
        faults.add([2; 32], &fault("image_missing"));
        faults.add([3; 32], &fault("image_format"));
        faults.write(folder.path()).unwrap();
        let mut read = Faults::read(folder.path(), "here").unwrap();
        assert_eq!(read.get(&[1; 32]), Some(&fault("image_broken")));
        assert_eq!(read.get(&[2; 32]), None);
        read.remove(&[1; 32]);
        read.write(folder.path()).unwrap();
        let mut read = Faults::read(folder.path(), "here").unwrap();
        assert_eq!((read.get(&[1; 32]), read.get(&[3; 32])), (None, Some(&fault("image_format"))));
        read.retain(&HashSet::new());
        read.write(folder.path()).unwrap();
        assert!(Faults::read(folder.path(), "here").unwrap().by_content.is_empty());
    }

    #[test]
    fn somebody_else_tries_again() {
        let folder = tempfile::tempdir().unwrap();
        let file =
            File { found_by: "0/0".to_owned(), faults: vec![([1; 32], "image_broken".to_owned(), String::new())] };
        let mut bytes = serde_json::to_vec(&file).unwrap();
        seal(&mut bytes);
        write(folder.path(), NAME, &bytes).unwrap();
        assert_eq!(Faults::read(folder.path(), "here").unwrap().get(&[1; 32]), None);
        fs::write(folder.path().join(NAME), b"garbage").unwrap();
        assert!(Faults::read(folder.path(), "here").is_err());
    }
}
