//! The image root: the one folder that image paths of the catalog may name. This room refuses every way out of it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use super::{Fault, MAX_FILE_BYTES};

/// The folder below which the catalog's image paths lie.
#[derive(Debug)]
pub struct ImageRoot {
    canonical: PathBuf,
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
        Ok(ImageRoot { canonical })
    }

    /// The bytes of the image at `catalog_path`, relative to the root.
    ///
    /// # Errors
    /// `image_outside_root` for an absolute path, a path with `..`, or a link that leads out of the root; `image_missing`;
    /// `image_unreadable` for what is no regular file or cannot be read; `image_too_large` above [`MAX_FILE_BYTES`].
    pub fn read(&self, catalog_path: &str) -> Result<Vec<u8>, Fault> {
        let path = self.resolve(catalog_path)?;
        // Opening a named pipe would wait for a writer for ever, so the kind is looked at before.
        let kind = fs::metadata(&path).map_err(|cause| unreadable(catalog_path, &cause))?;
        if !kind.is_file() {
            return Err(Fault::new("image_unreadable", format!("`{catalog_path}` is not a regular file")));
        }
        let file = File::open(&path).map_err(|cause| unreadable(catalog_path, &cause))?;
        read_bounded(file, MAX_FILE_BYTES).map_err(|cause| unreadable(catalog_path, &cause))?.ok_or_else(|| {
            Fault::new("image_too_large", format!("`{catalog_path}` has more than {} MiB", MAX_FILE_BYTES >> 20))
        })
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
