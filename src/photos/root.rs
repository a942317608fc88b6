//! The image root: the one folder that image paths of the catalog may name. This room refuses every way out of it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::time::SystemTime;

use super::stamp::{Signature, Stamp};
use super::{Fault, MAX_FILE_BYTES};

/// The folder below which the catalog's image paths lie.
#[derive(Debug)]
pub struct ImageRoot {
    canonical: PathBuf,
    /// Where the folders of image paths really lie; `None` where that is not below the root. What an image is read from is
    /// resolved anew.
    folders: RwLock<HashMap<PathBuf, Option<PathBuf>>>,
}

impl ImageRoot {
    /// Opens the folder.
    ///
    /// # Errors
    /// When it does not exist, cannot be entered, or is not a folder.
    pub fn open(path: &Path) -> io::Result<ImageRoot> {
        let canonical = path.canonicalize()?;
        if !fs::metadata(&canonical)?.is_dir() {
            return Err(io::Error::new(io::ErrorKind::NotADirectory, "not a folder"));
        }
        Ok(ImageRoot { canonical, folders: RwLock::default() })
    }

    /// Names the state of the file at `catalog_path` without opening it: one look at the file, and one a night at each of its
    /// folders. `None` for anything but a regular file below the root; [`ImageRoot::read`] says what is wrong with it.
    #[must_use]
    pub fn signature(&self, catalog_path: &str) -> Option<Signature> {
        let is_plain = |name: &str| {
            let mut components = Path::new(name).components();
            matches!(components.next(), Some(Component::Normal(whole)) if whole == name) && components.next().is_none()
        };
        // `a.jpg/`, `./a.jpg` and the like are no plain names: only resolving tells what the system makes of them.
        if !catalog_path.split('/').all(is_plain) {
            return None;
        }
        let path = Path::new(catalog_path);
        let found = self.folder(path.parent()?)?.join(path.file_name()?);
        let mut metadata = fs::symlink_metadata(&found).ok()?;
        if metadata.is_symlink() {
            metadata = fs::symlink_metadata(self.resolve(catalog_path).ok()?).ok()?;
        }
        metadata.is_file().then(|| Stamp::of(&self.canonical, catalog_path, &metadata).signature)
    }

    /// Where a folder below the root really lies, if that is below the root.
    fn folder(&self, relative: &Path) -> Option<PathBuf> {
        let Some(name) = relative.file_name() else { return Some(self.canonical.clone()) };
        if let Some(known) = self.folders.read().unwrap_or_else(PoisonError::into_inner).get(relative) {
            return known.clone();
        }
        let look = || {
            let path = self.folder(relative.parent()?)?.join(name);
            let metadata = fs::symlink_metadata(&path).ok()?;
            if !metadata.is_symlink() {
                return metadata.is_dir().then_some(path);
            }
            path.canonicalize().ok().filter(|real| real.starts_with(&self.canonical) && real.is_dir())
        };
        let found = look();
        self.folders.write().unwrap_or_else(PoisonError::into_inner).insert(relative.to_owned(), found.clone());
        found
    }

    /// The bytes of the image at `catalog_path`, relative to the root.
    ///
    /// # Errors
    /// `image_outside_root` for an absolute path, a path with `..`, or a link that leads out of the root; `image_missing`;
    /// `image_unreadable` for what is no regular file or cannot be read; `image_too_large` above [`MAX_FILE_BYTES`].
    pub fn read(&self, catalog_path: &str) -> Result<Vec<u8>, Fault> {
        self.read_signed(catalog_path).map(|(bytes, _)| bytes)
    }

    /// [`ImageRoot::read`], and what [`ImageRoot::signature`] will say as long as the file has these bytes; `None` where the file
    /// changed while it was read, or so shortly before that the next change could look the same.
    ///
    /// # Errors
    /// See [`ImageRoot::read`].
    pub fn read_signed(&self, catalog_path: &str) -> Result<(Vec<u8>, Option<Signature>), Fault> {
        let unreadable = |cause: io::Error| unreadable(catalog_path, &cause);
        let too_large =
            || Fault::new("image_too_large", format!("`{catalog_path}` has more than {} MiB", MAX_FILE_BYTES >> 20));
        let path = self.resolve(catalog_path)?;
        // Opening a named pipe would wait for a writer for ever, so the kind is looked at before.
        let kind = fs::metadata(&path).map_err(unreadable)?;
        if !kind.is_file() {
            return Err(Fault::new("image_unreadable", format!("`{catalog_path}` is not a regular file")));
        }
        // Spares the reading every night; that a file says to be small is not believed.
        if kind.len() > MAX_FILE_BYTES {
            return Err(too_large());
        }
        let now = SystemTime::now();
        let mut file = File::open(&path).map_err(unreadable)?;
        let stamp = |file: &File| file.metadata().ok().map(|m| Stamp::of(&self.canonical, catalog_path, &m));
        let before = stamp(&file);
        let bytes = read_bounded(&mut file, MAX_FILE_BYTES).map_err(unreadable)?.ok_or_else(too_large)?;
        let lasting = before.filter(|before| before.is_settled(now) && stamp(&file) == Some(*before));
        Ok((bytes, lasting.map(|stamp| stamp.signature)))
    }

    fn resolve(&self, catalog_path: &str) -> Result<PathBuf, Fault> {
        let outside = |how| Fault::new("image_outside_root", format!("`{catalog_path}` {how}"));
        for component in Path::new(catalog_path).components() {
            match component {
                Component::Normal(_) | Component::CurDir => {}
                Component::ParentDir => return Err(outside("has `..` in it")),
                Component::RootDir | Component::Prefix(_) => return Err(outside("is an absolute path")),
            }
        }
        let path = self.canonical.join(catalog_path).canonicalize().map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                Fault::new("image_missing", format!("`{catalog_path}` does not exist below the image root"))
            }
            _ => unreadable(catalog_path, &cause),
        })?;
        if path.starts_with(&self.canonical) { Ok(path) } else { Err(outside("is a link out of the image root")) }
    }
}

/// Everything `source` has, or `None` when that is more than `limit` bytes. Metadata may lie; what arrives does not.
fn read_bounded(source: impl Read, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let length = source.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(u64::try_from(length).is_ok_and(|length| length <= limit).then_some(bytes))
}

fn unreadable(catalog_path: &str, cause: &io::Error) -> Fault {
    // The system's own words differ between systems, and the same night must give the same bytes everywhere.
    Fault::new("image_unreadable", format!("`{catalog_path}` cannot be read: {}", cause.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root_with_image() -> (tempfile::TempDir, ImageRoot) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("root/a")).unwrap();
        fs::write(folder.path().join("root/a/in.jpg"), b"inside").unwrap();
        fs::write(folder.path().join("out.jpg"), b"outside").unwrap();
        let root = ImageRoot::open(&folder.path().join("root")).unwrap();
        (folder, root)
    }

    fn code(result: Result<Vec<u8>, Fault>) -> &'static str {
        result.unwrap_err().code
    }

    #[test]
    fn a_relative_path_is_read() {
        let (_folder, root) = root_with_image();
        assert_eq!(root.read("a/in.jpg").unwrap(), b"inside");
        assert_eq!(root.read("./a//in.jpg").unwrap(), b"inside");
    }

    #[test]
    fn no_path_leaves_the_root() {
        let (folder, root) = root_with_image();
        let absolute = folder.path().join("root/a/in.jpg");
        assert_eq!(code(root.read("../out.jpg")), "image_outside_root");
        assert_eq!(code(root.read("a/../../out.jpg")), "image_outside_root");
        assert_eq!(code(root.read("a/../a/in.jpg")), "image_outside_root");
        assert_eq!(code(root.read(absolute.to_str().unwrap())), "image_outside_root");
    }

    #[cfg(unix)]
    #[test]
    fn links_may_stay_inside_but_not_lead_out() {
        use std::os::unix::fs::symlink;
        let (folder, root) = root_with_image();
        symlink(folder.path().join("out.jpg"), folder.path().join("root/file.jpg")).unwrap();
        symlink(folder.path(), folder.path().join("root/up")).unwrap();
        symlink("a/in.jpg", folder.path().join("root/alias.jpg")).unwrap();
        symlink("loop.jpg", folder.path().join("root/loop.jpg")).unwrap();
        assert_eq!(code(root.read("file.jpg")), "image_outside_root");
        assert_eq!(code(root.read("up/out.jpg")), "image_outside_root");
        assert_eq!(root.read("alias.jpg").unwrap(), b"inside");
        assert_eq!(code(root.read("loop.jpg")), "image_unreadable");
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_beside_the_root_with_the_same_beginning_is_outside() {
        let (folder, root) = root_with_image();
        fs::create_dir(folder.path().join("root-2")).unwrap();
        fs::write(folder.path().join("root-2/x.jpg"), b"x").unwrap();
        std::os::unix::fs::symlink("../root-2", folder.path().join("root/sibling")).unwrap();
        assert_eq!(code(root.read("sibling/x.jpg")), "image_outside_root");
    }

    #[test]
    fn what_is_not_a_readable_file_is_a_fault() {
        let (_folder, root) = root_with_image();
        assert_eq!(code(root.read("a/none.jpg")), "image_missing");
        assert_eq!(code(root.read("a/in.jpg/x")), "image_missing");
        assert_eq!(code(root.read("a")), "image_unreadable");
        let fault = root.read("nul\0.jpg").unwrap_err();
        assert_eq!(fault.code, "image_unreadable");
        assert!(fault.detail.ends_with(&io::ErrorKind::InvalidInput.to_string()), "{fault}");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_is_signed_exactly_where_it_can_be_read() {
        use std::os::unix::fs::symlink;
        let (folder, root) = root_with_image();
        let above = folder.path().join("root");
        symlink(folder.path().join("out.jpg"), above.join("file.jpg")).unwrap();
        symlink(folder.path(), above.join("up")).unwrap();
        symlink("a", above.join("b")).unwrap();
        symlink("a/in.jpg", above.join("alias.jpg")).unwrap();
        symlink("none.jpg", above.join("dangling.jpg")).unwrap();
        for path in ["a/in.jpg", "b/in.jpg", "alias.jpg"] {
            assert!(root.signature(path).is_some() && root.read(path).is_ok(), "{path}");
            assert_eq!(root.signature(path), root.signature(path), "{path}");
        }
        let refused =
            ["file.jpg", "up/out.jpg", "up/root/../out.jpg", "../out.jpg", "dangling.jpg", "a", "a/none.jpg", ""];
        for path in refused.iter().chain(&["a/in.jpg/", "a/in.jpg/x", "nul\0.jpg", "/a/in.jpg", "a/../a/in.jpg"]) {
            assert!(root.signature(path).is_none() && root.read(path).is_err(), "{path}");
        }
        // Read, but never signed: what it is called is not plain.
        assert!(root.signature("./a//in.jpg").is_none() && root.read("./a//in.jpg").is_ok());
    }

    #[test]
    fn a_file_that_has_just_been_written_is_read_again() {
        let (_folder, root) = root_with_image();
        assert_eq!(root.read_signed("a/in.jpg").unwrap(), (b"inside".to_vec(), None));
        std::thread::sleep(std::time::Duration::from_millis(2100));
        let signed = root.read_signed("a/in.jpg").unwrap().1;
        assert!(signed.is_some() && signed == root.signature("a/in.jpg"));
    }

    #[test]
    fn reading_stops_at_the_limit() {
        assert_eq!(read_bounded(&b"1234"[..], 4).unwrap().unwrap(), b"1234");
        assert!(read_bounded(&b"12345"[..], 4).unwrap().is_none());
        assert!(read_bounded(io::repeat(0), 1000).unwrap().is_none());
    }

    #[test]
    fn a_root_must_be_a_folder() {
        let (folder, _root) = root_with_image();
        assert!(ImageRoot::open(&folder.path().join("out.jpg")).is_err());
        assert!(ImageRoot::open(&folder.path().join("none")).is_err());
    }
}
