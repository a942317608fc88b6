//! The file itself: whether it can be read, what it holds, its hash. This room refuses to look at rows.

use std::fmt::Display;
use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use crate::error::{Error, Result};

/// What a file is to the night: how messages speak of it, and what it means that it cannot be used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Role {
    /// What it is called, and the section of `twinset.toml` whose `path` names it; `--links` where only a flag does.
    pub(crate) section: &'static str,
    /// The flag that may name it too.
    pub(crate) flag: Option<&'static str>,
    /// The error of a file that cannot be used.
    pub(crate) error: fn(anyhow::Error) -> Error,
}

impl Role {
    /// What messages call the file.
    fn noun(self) -> &'static str {
        self.section.trim_start_matches("--")
    }
}

/// How the rows of a file are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Delimited text with a header.
    Delimited,
    /// Apache Parquet.
    Parquet,
    /// One JSON object a line.
    JsonLines,
}

/// A file that is there, is a file and is not empty.
#[derive(Debug)]
pub(crate) struct TableFile {
    path: PathBuf,
    role: Role,
    handle: File,
    before: Metadata,
}

impl TableFile {
    pub(crate) fn open(path: &Path, role: Role) -> Result<TableFile> {
        let (section, noun) = (role.section, role.noun());
        let refuse = |what: String| unusable(role, path, what);
        let before = std::fs::metadata(path).map_err(|cause| match cause.kind() {
            ErrorKind::NotFound if section != noun => refuse(format!("does not exist: check `{section}`")),
            ErrorKind::NotFound => {
                let flag = role.flag.map_or_else(String::new, |flag| format!(", or `{flag}`"));
                refuse(format!("does not exist: check `path` under `[{section}]`{flag}"))
            }
            _ => refuse(format!("cannot be read: {cause}")),
        })?;
        if before.is_dir() {
            return Err(refuse("is a folder: name the file in it".into()));
        }
        if !before.is_file() {
            return Err(refuse(format!("is no regular file: write the {noun} to one first")));
        }
        if before.len() == 0 {
            return Err(refuse("is empty: check the export that writes it".into()));
        }
        let handle = File::open(path).map_err(|cause| refuse(format!("cannot be opened: {cause}")))?;
        Ok(TableFile { path: path.to_owned(), role, handle, before })
    }

    /// How its rows are laid out, decided by its content.
    pub(crate) fn layout(&self) -> Result<Layout> {
        let head = self.head(4096)?;
        if head.starts_with(b"PAR1") {
            return Ok(Layout::Parquet);
        }
        if let Some(advice) = advice_on_other_files(&head) {
            return Err(self.unusable(advice));
        }
        match head.iter().find(|byte| !byte.is_ascii_whitespace()) {
            None if self.bytes() <= 4096 => {
                Err(self.unusable("holds only blank lines: check the export that writes it"))
            }
            Some(b'{') => Ok(Layout::JsonLines),
            Some(b'[') => {
                Err(self.unusable("is a JSON array: write one object a line, for example with `jq -c '.[]'`"))
            }
            _ => Ok(Layout::Delimited),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file's length in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.before.len()
    }

    /// How many bytes the handle in use has read, as far as the system can tell.
    pub(crate) fn position(&self) -> u64 {
        (&self.handle).stream_position().unwrap_or(0)
    }

    /// A handle at the first byte. All handles of a `TableFile` share one position: use one at a time.
    pub(crate) fn rewound(&self) -> Result<File> {
        let mut handle = self.handle.try_clone().map_err(|cause| self.unreadable(cause))?;
        handle.seek(SeekFrom::Start(0)).map_err(|cause| self.unreadable(cause))?;
        Ok(handle)
    }

    /// A handle at the first byte of text, behind a UTF-8 byte order mark.
    pub(crate) fn text(&self) -> Result<File> {
        let mut handle = self.rewound()?;
        let start = u64::try_from(self.mark_length()?).expect("a mark has 0 or 3 bytes");
        handle.seek(SeekFrom::Start(start)).map_err(|cause| self.unreadable(cause))?;
        Ok(handle)
    }

    /// The first bytes behind a byte order mark, at most `limit`.
    pub(crate) fn head(&self, limit: u64) -> Result<Vec<u8>> {
        let mut head = Vec::new();
        self.text()?.take(limit).read_to_end(&mut head).map_err(|cause| self.unreadable(cause))?;
        Ok(head)
    }

    /// BLAKE3 of all bytes.
    pub(crate) fn digest(&self) -> Result<blake3::Hash> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(self.rewound()?).map_err(|cause| self.unreadable(cause))?;
        Ok(hasher.finalize())
    }

    /// Refuses a file that someone wrote to while it was read: its hash and its rows may belong to two nights.
    pub(crate) fn require_unchanged(&self) -> Result<()> {
        let after = self.handle.metadata().map_err(|cause| self.unreadable(cause))?;
        let modified = |of: &Metadata| of.modified().ok();
        if after.len() == self.before.len() && modified(&after) == modified(&self.before) {
            return Ok(());
        }
        let (what, path) = (self.role.noun(), self.path.display());
        Err(Error::Temporary(anyhow!("{what} `{path}` changed while it was read: try again when its export is done")))
    }

    pub(crate) fn unusable(&self, what: impl Display) -> Error {
        unusable(self.role, &self.path, what)
    }

    pub(crate) fn unreadable(&self, cause: impl Display) -> Error {
        self.unusable(format!("cannot be read: {cause}"))
    }

    fn mark_length(&self) -> Result<usize> {
        let mut start = Vec::new();
        self.rewound()?.take(3).read_to_end(&mut start).map_err(|cause| self.unreadable(cause))?;
        Ok(if start == b"\xEF\xBB\xBF" { 3 } else { 0 })
    }
}

fn unusable(role: Role, path: &Path, what: impl Display) -> Error {
    (role.error)(anyhow!("{} `{}` {what}", role.noun(), path.display()))
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
