//! Where ONNX Runtime lies. This file refuses to look any further once somebody named a library: that one loads, or nothing.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Context, anyhow, bail};
use ort::environment::Environment;

const VARIABLE: &str = "ORT_DYLIB_PATH";
/// What the library's file is called, before and after what tells its version.
const NAME: (&str, &str) = if cfg!(windows) {
    ("onnxruntime", ".dll")
} else if cfg!(target_os = "macos") {
    ("libonnxruntime", ".dylib")
} else {
    ("libonnxruntime", ".so")
};
/// The names that the system's loader is asked for.
const LOADER_NAMES: &[&str] = if cfg!(windows) {
    &["onnxruntime.dll"]
} else if cfg!(target_os = "macos") {
    &["libonnxruntime.dylib", "/opt/homebrew/lib/libonnxruntime.dylib", "/usr/local/lib/libonnxruntime.dylib"]
} else {
    &["libonnxruntime.so", "libonnxruntime.so.1", "/usr/local/lib/libonnxruntime.so"]
};

/// The one library of the process.
#[derive(Debug)]
pub(super) struct Library {
    pub(super) environment: Environment,
    path: PathBuf,
    found: Place,
    /// The second number of its version; the first is 1.
    minor: Option<u32>,
}

/// How a library was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Configuration,
    Variable,
    Executable,
    Python,
    System,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Place::Configuration => "named by `library`",
            Place::Variable => "named by ORT_DYLIB_PATH",
            Place::Executable => "beside the program",
            Place::Python => "of the active Python environment",
            Place::System => "of the system",
        })
    }
}

impl Library {
    /// Loads the library that the configuration names, else the first that is found.
    pub(super) fn load(wish: Option<&Path>) -> anyhow::Result<&'static Library> {
        static LOADED: OnceLock<Library> = OnceLock::new();
        static LOADING: Mutex<()> = Mutex::new(());
        let _loading = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = LOADED.get() {
            return Ok(loaded);
        }
        let surroundings = Surroundings {
            variable: env::var_os(VARIABLE).filter(|value| !value.is_empty()),
            executable: env::current_exe().ok(),
            environments: ["VIRTUAL_ENV", "CONDA_PREFIX"].into_iter().filter_map(env::var_os).collect(),
        };
        let (found, paths) = surroundings.candidates(wish)?;
        let mut refused = Vec::new();
        for (place, path) in paths {
            match ort::init_from(&path) {
                Ok(builder) => {
                    let environment = builder.with_name("twinset").with_telemetry(false).build();
                    let environment = environment.context("ONNX Runtime does not start")?;
                    let minor = ort::util::probe(&path);
                    return Ok(LOADED.get_or_init(|| Library { environment, path, found: place, minor }));
                }
                // What the loader says of a name that it does not know says nothing.
                Err(_) if place == Place::System && !path.is_file() => {}
                Err(cause) => refused.push(cause.to_string()),
            }
        }
        if found {
            bail!("ONNX Runtime cannot be used: {}", refused.join("; "));
        }
        let refused = if refused.is_empty() { String::new() } else { format!(" (not usable: {})", refused.join("; ")) };
        Err(anyhow!(
            "no ONNX Runtime is found, which `kind = \"onnx\"` needs in version 1.17 or newer: `pip install onnxruntime` or \
             unpack a release of ONNX Runtime, and name its `{}{}` with `library` under `[embedding]` or with {VARIABLE}; \
             looked beside the program, into the active Python environment and where the system looks{refused}",
            NAME.0,
            NAME.1
        ))
    }

    /// In words.
    pub(super) fn describe(&self) -> String {
        format!("{} from `{}`, {}", self.version(), self.path.display(), self.found)
    }

    /// What it is, without where it lies.
    pub(super) fn version(&self) -> String {
        self.minor.map_or("ONNX Runtime".to_owned(), |minor| format!("ONNX Runtime 1.{minor}"))
    }
}

/// What a search depends on.
struct Surroundings {
    variable: Option<OsString>,
    executable: Option<PathBuf>,
    environments: Vec<OsString>,
}

impl Surroundings {
    /// Whether somebody named a library, and what to try, in this order: the one that is named by the configuration or else by the
    /// variable; beside the program; the active Python environment; the system.
    fn candidates(&self, wish: Option<&Path>) -> anyhow::Result<(bool, Vec<(Place, PathBuf)>)> {
        let variable = self.variable.as_deref().map(Path::new);
        if let Some((place, path)) = wish.map(|p| (Place::Configuration, p)).or(variable.map(|p| (Place::Variable, p)))
        {
            let file =
                if path.is_dir() { in_folder(path) } else { Some(path.to_owned()).filter(|path| path.is_file()) };
            let key = if place == Place::Variable { VARIABLE } else { "library" };
            let file = file.with_context(|| {
                let path = path.display();
                format!(
                    "`{key} = \"{path}\"` is no file, and no folder that holds `{}{}`: name the library of ONNX Runtime",
                    NAME.0, NAME.1
                )
            })?;
            // A bare name would be looked for by the system's loader, not here.
            return Ok((true, vec![(place, std::path::absolute(file)?)]));
        }
        let beside = self.executable.as_deref().and_then(Path::parent).and_then(in_folder);
        let mut paths: Vec<_> = beside.map(|path| (Place::Executable, path)).into_iter().collect();
        let packages = self.environments.iter().flat_map(|environment| packages_of(Path::new(environment)));
        let python = packages.filter_map(|packages| in_folder(&packages.join("onnxruntime/capi")));
        paths.extend(python.map(|path| (Place::Python, path)));
        paths.extend(LOADER_NAMES.iter().map(|name| (Place::System, PathBuf::from(name))));
        Ok((false, paths))
    }
}

/// The folders of a Python environment that packages are installed into.
fn packages_of(environment: &Path) -> Vec<PathBuf> {
    if cfg!(windows) {
        return vec![environment.join("Lib/site-packages")];
    }
    let versions = std::fs::read_dir(environment.join("lib")).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("python"))
        .map(|entry| entry.path().join("site-packages"))
        .collect();
    folders.sort();
    folders
}

/// The library in a folder: the plain name, else the last of those with a version in theirs.
fn in_folder(folder: &Path) -> Option<PathBuf> {
    let (stem, ending) = NAME;
    let plain = folder.join(format!("{stem}{ending}"));
    if plain.is_file() {
        return Some(plain);
    }
    let versioned = |name: &str| {
        let rest = name.strip_prefix(stem).unwrap_or_default();
        let version = rest.strip_prefix(ending).or(rest.strip_suffix(ending)).unwrap_or_default();
        version.strip_prefix('.').is_some_and(|v| v.starts_with(|c: char| c.is_ascii_digit()))
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(versioned)).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(path: &Path) {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("created");
        std::fs::write(path, b"").expect("written");
    }

    #[test]
    fn a_library_that_is_named_is_the_only_candidate() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (one, two) = (folder.path().join("one.so"), folder.path().join("two.so"));
        touch(&one);
        touch(&two);
        let surroundings = Surroundings {
            variable: Some(two.clone().into()),
            executable: Some(one.clone()),
            environments: Vec::new(),
        };
        let named = |wish| surroundings.candidates(wish).expect("candidates");
        assert_eq!(named(Some(one.as_path())), (true, vec![(Place::Configuration, one.clone())]));
        assert_eq!(named(None), (true, vec![(Place::Variable, two)]));
        let error = surroundings.candidates(Some(Path::new("/nowhere.so"))).expect_err("no file").to_string();
        assert!(error.contains("`library = \"/nowhere.so\"`"), "{error}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_program_comes_before_python_and_python_before_the_system() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let beside = folder.path().join("bin/libonnxruntime.so.1.20.0");
        let capi = folder.path().join("venv/lib/python3.12/site-packages/onnxruntime/capi");
        let of_python = capi.join("libonnxruntime.so.1.32.0");
        for path in [&beside, &of_python, &capi.join("libonnxruntime_providers_shared.so")] {
            touch(path);
        }
        let surroundings = Surroundings {
            variable: None,
            executable: Some(folder.path().join("bin/twinset")),
            environments: vec![folder.path().join("venv").into()],
        };
        let (named, paths) = surroundings.candidates(None).expect("candidates");
        assert!(!named);
        let expected = [(Place::Executable, beside), (Place::Python, of_python)];
        assert_eq!(paths[..2], expected);
        assert!(paths[2..].iter().all(|(place, _)| *place == Place::System) && paths.len() > 2);
    }
}
