//! The built-in embedder: from image paths to features of the network, each distinct image once, with the cache in between.
//! This room refuses to hold more than a chunk of products' features at a time besides the vectors themselves.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use anyhow::Context;
use rayon::prelude::*;

use super::cache::{Cache, Key, key};
use super::network::{FEATURES, Network, SIDE, Scratch};
use super::{Embedded, Embedder, VectorFault, Vectors};
use crate::catalog::{Catalog, Product};
use crate::error::{Error, Result};
use crate::photos::{self, Fault, ImageRoot};
use crate::progress::Progress;
use crate::reject::{Reject, Stage};

/// The centered square that the network sees, as a share of the photo's short side.
const CROP: f64 = 0.875;
/// To be raised when decoding, framing or the network change what an image becomes.
const PREPROCESSING: u32 = 2;
/// Products between two looks at the cache: enough that waiting for the slowest image of a chunk costs nothing.
const CHUNK: usize = 256;

/// EfficientNet-Lite0 on the images of the catalog.
#[derive(Debug)]
pub struct Builtin {
    images: PathBuf,
    cache: Option<PathBuf>,
}

impl Builtin {
    /// `images` is the root of the catalog's image paths; `cache` the folder that keeps features between runs, if any.
    #[must_use]
    pub fn new(images: &Path, cache: Option<PathBuf>) -> Builtin {
        Builtin { images: images.to_owned(), cache }
    }
}

/// Opens the folder that the catalog's image paths start at.
///
/// # Errors
/// [`Error::Config`] when it is not a folder that can be opened.
pub fn open_image_root(images: &Path) -> Result<ImageRoot> {
    let root = ImageRoot::open(images)
        .with_context(|| format!("cannot open the image root `{}`; set `images` under `[catalog]`", images.display()));
    root.map_err(Error::Config)
}

impl Embedder for Builtin {
    fn fingerprint(&self) -> String {
        let weights = Network::weights_hash().to_hex();
        format!("efficientnet-lite0/{PREPROCESSING}/{}", &weights[..32])
    }

    fn embed(&self, catalog: &mut Catalog, progress: &Progress) -> Result<Embedded> {
        let session = Session {
            root: open_image_root(&self.images)?,
            network: Network::built_in(),
            fingerprint: self.fingerprint(),
            cache: Cache::open(self.cache.clone(), FEATURES),
            claimed: Mutex::default(),
            scratches: Mutex::default(),
        };
        progress.start(u64::try_from(catalog.products.len()).unwrap_or(u64::MAX));
        Ok(session.embed(&catalog.products, progress))
    }
}

/// What looking at one product's image came to.
enum Seen {
    /// No image.
    Nothing,
    /// An image that is not ours to fetch.
    Url,
    /// A file that cannot be read.
    Unread(Fault),
    /// A file whose bytes have this hash.
    Image { hash: blake3::Hash, key: Key, found: Found },
}

/// Where the features of an image come from.
enum Found {
    /// Another product with the same image brings them.
    Elsewhere,
    Cached(Vec<f32>),
    Computed(Vec<f32>),
    /// The image cannot be decoded.
    Undecoded(Fault),
}

/// What became of a distinct image: the product that holds its vector, or why there is none.
type Outcome = Result<usize, (Stage, Fault)>;

/// One run of the embedder.
struct Session {
    root: ImageRoot,
    network: Network,
    fingerprint: String,
    cache: Cache,
    /// Images that some product brings.
    claimed: Mutex<HashSet<Key>>,
    /// Buffers that no thread uses just now.
    scratches: Mutex<Vec<Scratch>>,
}

impl Session {
    fn embed(mut self, products: &[Product], progress: &Progress) -> Embedded {
        let mut vectors = Vectors::new(FEATURES, products.len());
        // Enough for a row of each in the matrix; what is never written takes no memory.
        vectors.reserve(products.iter().filter(|product| product.image.is_some()).count());
        let mut rejects = Vec::new();
        let mut inputs = blake3::Hasher::new();
        let mut outcomes = HashMap::new();
        let mut computed = 0;
        for (chunk, start) in products.chunks(CHUNK).zip((0..).step_by(CHUNK)) {
            let mut seen: Vec<Seen> =
                chunk.par_iter().map(|product| self.look(product)).inspect(|_| progress.advance(1)).collect();
            computed += self.keep_features(start, &mut seen, &mut vectors, &mut outcomes);
            for (index, (product, seen)) in (start..).zip(chunk.iter().zip(&seen)) {
                hash_input(&mut inputs, seen);
                match outcome(product, seen, &outcomes) {
                    None => {}
                    Some(Ok(holder)) => vectors.share(index, holder),
                    Some(Err((stage, fault))) => rejects.push(reject(product, stage, &fault)),
                }
            }
        }
        self.cache.flush();
        Embedded { vectors, rejects, inputs: Some(inputs.finalize()), computed }
    }

    /// Reads a product's image and, the first time that its bytes are seen, finds or computes their features.
    fn look(&self, product: &Product) -> Seen {
        let image = match product.image.as_deref() {
            None | Some("") => return Seen::Nothing,
            Some(image) if photos::is_url(image) => return Seen::Url,
            Some(image) => image,
        };
        let bytes = match self.root.read(image) {
            Ok(bytes) => bytes,
            Err(fault) => return Seen::Unread(fault),
        };
        let hash = blake3::hash(&bytes);
        let key = key(&hash, &self.fingerprint);
        let found = if !lock(&self.claimed).insert(key) {
            Found::Elsewhere
        } else if let Some(features) = self.cache.get(&key) {
            Found::Cached(features)
        } else {
            match photos::decode_for(&bytes, CROP, u32::try_from(SIDE).expect("a side of a few hundred pixels")) {
                Ok(photo) => Found::Computed(self.features(&photo)),
                Err(fault) => Found::Undecoded(fault),
            }
        };
        Seen::Image { hash, key, found }
    }

    fn features(&self, photo: &photos::RgbPhoto) -> Vec<f32> {
        let side = u32::try_from(SIDE).expect("a side of a few hundred pixels");
        let picture = photos::crop_and_resize(photo, CROP, side);
        let mut scratch = lock(&self.scratches).pop().unwrap_or_default();
        let features = self.network.features(&picture, &mut scratch);
        lock(&self.scratches).push(scratch);
        features
    }

    /// Moves what the chunk brought into the vectors, the outcomes and the cache; returns how many were computed.
    fn keep_features(
        &mut self,
        start: usize,
        seen: &mut [Seen],
        vectors: &mut Vectors,
        outcomes: &mut HashMap<Key, Outcome>,
    ) -> usize {
        let mut computed = 0;
        for (index, seen) in (start..).zip(seen) {
            let Seen::Image { key, found, .. } = seen else { continue };
            let outcome = match std::mem::replace(found, Found::Elsewhere) {
                Found::Elsewhere => continue,
                Found::Undecoded(fault) => Err((Stage::Image, fault)),
                Found::Cached(features) => insert(vectors, index, &features),
                Found::Computed(features) => {
                    let outcome = insert(vectors, index, &features);
                    self.cache.add(*key, features);
                    computed += 1;
                    outcome
                }
            };
            outcomes.insert(*key, outcome);
        }
        computed
    }
}

fn insert(vectors: &mut Vectors, product: usize, features: &[f32]) -> Outcome {
    vectors.insert(product, features).map(|()| product).map_err(|fault| {
        let (code, what) = match fault {
            VectorFault::NonFinite => ("non_finite", "the network gives this image a number that is not finite"),
            VectorFault::Zero => ("zero_vector", "the network sees nothing in this image"),
        };
        (Stage::Embedding, Fault { code, detail: what.to_owned() })
    })
}

/// What became of a product's image; `None` where there is none to look at.
fn outcome(product: &Product, seen: &Seen, outcomes: &HashMap<Key, Outcome>) -> Option<Outcome> {
    match seen {
        Seen::Nothing | Seen::Url => None,
        Seen::Unread(fault) => Some(Err((Stage::Image, fault.clone()))),
        // Said of this product's own file: which of several equal files was looked at first depends on the threads.
        Seen::Image { key, .. } => Some(outcomes[key].clone().map_err(|(stage, fault)| {
            let image = product.image.as_deref().unwrap_or_default();
            (stage, Fault { detail: format!("`{image}`: {}", fault.detail), ..fault })
        })),
    }
}

fn hash_input(inputs: &mut blake3::Hasher, seen: &Seen) {
    match seen {
        Seen::Nothing => inputs.update(b"nothing\n"),
        Seen::Url => inputs.update(b"url\n"),
        Seen::Unread(fault) => inputs.update(b"fault ").update(fault.code.as_bytes()).update(b"\n"),
        Seen::Image { hash, .. } => inputs.update(b"image ").update(hash.as_bytes()),
    };
}

fn reject(product: &Product, stage: Stage, fault: &Fault) -> Reject {
    // A file's name or a decoder's words may hold line breaks; a detail is one line.
    let detail = fault.detail.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    Reject { stage, row: product.row, id: Some(product.id.clone()), code: fault.code, detail }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics while it holds this lock")
}

#[cfg(test)]
pub(super) mod tests;
