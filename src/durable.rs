//! File operations that a crash cannot halve. This room refuses to know what the files mean.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use serde::Serialize;

/// Replaces `path` as [`replace`] does, by the value as indented JSON.
pub fn write_json(path: &Path, temporary: &Path, value: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    write_atomically(path, temporary, &text)
}

/// Replaces `path` as [`replace`] does; the error names it.
pub fn write_atomically(path: &Path, temporary: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    replace(path, temporary, bytes).with_context(|| format!("cannot write `{}`", path.display()))
}

/// Replaces `path` as one step: readers see the old bytes or the new ones, and so does the system after a power loss.
/// `temporary` must lie in the same file system.
pub fn replace(path: &Path, temporary: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(temporary, path)?;
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

/// Creates a folder whose parent exists, durably; one that is already there is fine.
pub fn create_folder(path: &Path) -> anyhow::Result<()> {
    let create = || match fs::create_dir(path) {
        Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists || !path.is_dir() => Err(cause),
        _ => sync_folder(path.parent().unwrap_or(Path::new("."))),
    };
    create().with_context(|| format!("cannot create `{}`", path.display()))
}

/// Makes the names in a folder durable, where the system lets a folder be opened.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        // The parent of a bare name is the empty path.
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        File::open(path)?.sync_all()?;
    }
    Ok(())
}

/// Swaps two folders as one step. `false` where the system or the file system has no such step, and nothing was done.
pub fn exchange(a: &Path, b: &Path) -> io::Result<bool> {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE) {
            Ok(()) => Ok(true),
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(false),
            Err(cause) => Err(cause.into()),
        }
    }
    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    {
        let _ = (a, b);
        Ok(false)
    }
}

/// Removes a folder and all that is in it; one that is not there is fine.
pub fn remove_folder(path: &Path) -> anyhow::Result<()> {
    absent_is_fine(fs::remove_dir_all(path)).with_context(|| format!("cannot remove `{}`", path.display()))
}

/// Removes a file; one that is not there is fine.
pub fn remove_file(path: &Path) -> anyhow::Result<()> {
    absent_is_fine(fs::remove_file(path)).with_context(|| format!("cannot remove `{}`", path.display()))
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
