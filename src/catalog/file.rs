//! The catalog file itself: whether it can be read, what it holds, its hash. This room refuses to look at rows.

use std::fmt::Display;
use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::{Format, delimited, shopify};
use crate::error::{Error, Result};

/// A catalog file that is there, is a file and is not empty.
#[derive(Debug)]
pub(super) struct CatalogFile {
    path: PathBuf,
    handle: File,
    before: Metadata,
    /// What it holds: as asked for, or decided by its content.
    pub(super) format: Format,
}

impl CatalogFile {
    pub(super) fn open(path: &Path, format: Option<Format>) -> Result<CatalogFile> {
        let refuse = |what: String| unusable(path, what);
        let before = std::fs::metadata(path).map_err(|cause| match cause.kind() {
            ErrorKind::NotFound => refuse("does not exist: check `path` under `[catalog]`, or `--catalog`".into()),
            _ => refuse(format!("cannot be read: {cause}")),
        })?;
        if before.is_dir() {
            return Err(refuse("is a folder: name the file in it".into()));
        }
        if !before.is_file() {
            return Err(refuse("is no regular file: write the catalog to one first".into()));
        }
        if before.len() == 0 {
            return Err(refuse("is empty: check the export that writes it".into()));
        }
        let handle = File::open(path).map_err(|cause| refuse(format!("cannot be opened: {cause}")))?;
        let mut file = CatalogFile { path: path.to_owned(), handle, before, format: Format::Csv };
        file.format = match format {
            Some(format) => format,
            None => file.format_by_content()?,
        };
        Ok(file)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The file's length in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.before.len()
    }

    /// How many bytes the handle in use has read, as far as the system can tell.
    pub(super) fn position(&self) -> u64 {
        (&self.handle).stream_position().unwrap_or(0)
    }

    /// A handle at the first byte. All handles of a `CatalogFile` share one position: use one at a time.
    pub(super) fn rewound(&self) -> Result<File> {
        let mut handle = self.handle.try_clone().map_err(|cause| self.unreadable(cause))?;
        handle.seek(SeekFrom::Start(0)).map_err(|cause| self.unreadable(cause))?;
        Ok(handle)
    }

    /// A handle at the first byte of text, behind a UTF-8 byte order mark.
    pub(super) fn text(&self) -> Result<File> {
        let mut handle = self.rewound()?;
        let start = u64::try_from(self.mark_length()?).expect("a mark has 0 or 3 bytes");
        handle.seek(SeekFrom::Start(start)).map_err(|cause| self.unreadable(cause))?;
        Ok(handle)
    }

    /// The first bytes behind a byte order mark, at most `limit`.
    pub(super) fn head(&self, limit: u64) -> Result<Vec<u8>> {
        let mut head = Vec::new();
        self.text()?.take(limit).read_to_end(&mut head).map_err(|cause| self.unreadable(cause))?;
        Ok(head)
    }

    /// BLAKE3 of all bytes.
    pub(super) fn digest(&self) -> Result<blake3::Hash> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(self.rewound()?).map_err(|cause| self.unreadable(cause))?;
        Ok(hasher.finalize())
    }

    /// Refuses a file that someone wrote to while it was read: its hash and its rows may belong to two nights.
    pub(super) fn require_unchanged(&self) -> Result<()> {
        let after = self.handle.metadata().map_err(|cause| self.unreadable(cause))?;
        let modified = |of: &Metadata| of.modified().ok();
        if after.len() == self.before.len() && modified(&after) == modified(&self.before) {
            return Ok(());
        }
        let path = self.path.display();
        Err(Error::Temporary(anyhow!("catalog `{path}` changed while it was read: try again when its export is done")))
    }

    pub(super) fn unusable(&self, what: impl Display) -> Error {
        unusable(&self.path, what)
    }

    pub(super) fn unreadable(&self, cause: impl Display) -> Error {
        self.unusable(format!("cannot be read: {cause}"))
    }

    fn mark_length(&self) -> Result<usize> {
        let mut start = Vec::new();
        self.rewound()?.take(3).read_to_end(&mut start).map_err(|cause| self.unreadable(cause))?;
        Ok(if start == b"\xEF\xBB\xBF" { 3 } else { 0 })
    }

    fn format_by_content(&self) -> Result<Format> {
        let head = self.head(4096)?;
        if head.starts_with(b"PAR1") {
            return Ok(Format::Parquet);
        }
        if let Some(advice) = advice_on_other_files(&head) {
            return Err(self.unusable(advice));
        }
        match head.iter().find(|byte| !byte.is_ascii_whitespace()) {
            None if self.bytes() <= 4096 => {
                Err(self.unusable("holds only blank lines: check the export that writes it"))
            }
            Some(b'{') => Ok(Format::Jsonl),
            Some(b'[') => {
                Err(self.unusable("is a JSON array: write one object a line, for example with `jq -c '.[]'`"))
            }
            _ if shopify::is_export(delimited::Table::open(self)?.header()) => Ok(Format::Shopify),
            _ => Ok(Format::Csv),
        }
    }
}

fn unusable(path: &Path, what: impl Display) -> Error {
    Error::Catalog(anyhow!("catalog `{}` {what}", path.display()))
}

fn advice_on_other_files(head: &[u8]) -> Option<&'static str> {
    const KNOWN: [(&[u8], &str); 5] = [
        (b"PK\x03\x04", "is a spreadsheet or a zip archive: save it as CSV, or unpack it"),
        (b"\x1F\x8B", "is compressed with gzip: unpack it first"),
        (b"\x28\xB5\x2F\xFD", "is compressed with zstd: unpack it first"),
        (b"\xFF\xFE", "is UTF-16 text: save it as UTF-8"),
        (b"\xFE\xFF", "is UTF-16 text: save it as UTF-8"),
    ];
    KNOWN.iter().find(|(magic, _)| head.starts_with(magic)).map(|&(_, advice)| advice)
}
