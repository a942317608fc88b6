//! From image paths to features: each distinct image once, with the cache in between, decoding ahead of an [`Encoder`].
//! This room refuses to hold more than two chunks of framed pictures at a time besides the vectors themselves.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use anyhow::Context;
use rayon::prelude::*;

use super::cache::{Cache, Key, key};
use super::{Embedded, Embedder, Encoder, VectorFault, Vectors};
use crate::catalog::{Catalog, Product};
use crate::error::{Error, Result};
use crate::photos::{self, Fault, ImageRoot};
use crate::progress::Progress;
use crate::reject::{Reject, Stage};

/// Products between two looks at the cache: enough that waiting for the slowest image of a chunk costs nothing.
pub(super) const CHUNK: usize = 256;

/// Embeds the images of the catalog with an encoder.
#[derive(Debug)]
pub struct Images<E> {
    encoder: E,
    root: PathBuf,
    cache: Option<PathBuf>,
}

impl<E: Encoder> Images<E> {
    /// `root` is where the catalog's image paths start; `cache` the folder that keeps features between runs, if any.
    #[must_use]
    pub fn new(encoder: E, root: &Path, cache: Option<PathBuf>) -> Images<E> {
        Images { encoder, root: root.to_owned(), cache }
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

impl<E: Encoder> Embedder for Images<E> {
    fn fingerprint(&self) -> String {
        self.encoder.fingerprint()
    }

    fn dimension(&self) -> Option<usize> {
        Some(self.encoder.dimension())
    }

    fn memory(&self) -> usize {
        self.encoder.memory()
    }

    fn describe(&self) -> Vec<String> {
        self.encoder.describe()
    }

    fn computed_by(&self) -> Option<String> {
        self.encoder.computed_by()
    }

    fn embed(&self, catalog: &mut Catalog, progress: &Progress) -> Result<Embedded> {
        let session = Session {
            root: open_image_root(&self.root)?,
            encoder: &self.encoder,
            fingerprint: self.encoder.fingerprint(),
            cache: Cache::open(self.cache.clone(), self.encoder.dimension()),
            claimed: Mutex::default(),
        };
        progress.start(u64::try_from(catalog.products.len()).unwrap_or(u64::MAX));
        session.embed(&catalog.products, progress)
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
    /// The picture that the encoder is to look at.
    Framed(Vec<u8>),
    Computed(Vec<f32>),
    /// The image cannot be decoded.
    Undecoded(Fault),
}

/// What became of a distinct image: the product that holds its vector, or why there is none.
type Outcome = Result<usize, (Stage, Fault)>;

/// One run of the embedder.
struct Session<'a, E> {
    root: ImageRoot,
    encoder: &'a E,
    fingerprint: String,
    cache: Cache,
    /// Images that some product brings.
    claimed: Mutex<HashSet<Key>>,
}

impl<E: Encoder> Session<'_, E> {
    fn embed(mut self, products: &[Product], progress: &Progress) -> Result<Embedded> {
        let mut vectors = Vectors::new(self.encoder.dimension(), products.len());
        // Enough for a row of each in the matrix; what is never written takes no memory.
        vectors.reserve(products.iter().filter(|product| product.image.is_some()).count());
        let mut rejects = Vec::new();
        let mut inputs = blake3::Hasher::new();
        let mut outcomes = HashMap::new();
        let mut computed = 0;
        let mut chunks = products.chunks(CHUNK).zip((0..).step_by(CHUNK));
        let mut ahead = chunks.next().map(|(chunk, start)| (chunk, start, self.look_at(chunk, progress)));
        while let Some((chunk, start, mut seen)) = ahead {
            // The next chunk is read, decoded and framed while the encoder looks at this one.
            let next = chunks.next();
            let (encoded, looked) = rayon::join(
                || self.encode(&mut seen, progress),
                || next.map(|(chunk, start)| (chunk, start, self.look_at(chunk, progress))),
            );
            encoded?;
            ahead = looked;
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
        Ok(Embedded { vectors, rejects, inputs: Some(inputs.finalize()), computed })
    }

    fn look_at(&self, products: &[Product], progress: &Progress) -> Vec<Seen> {
        let look = |product| {
            let seen = self.look(product);
            if !matches!(seen, Seen::Image { found: Found::Framed(_), .. }) {
                progress.advance(1);
            }
            seen
        };
        products.par_iter().map(look).collect()
    }

    /// Reads a product's image and, the first time that its bytes are seen, finds its features or frames it for the encoder.
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
            match photos::decode(&bytes) {
                Ok(photo) => Found::Framed(self.encoder.frame(&photo)),
                Err(fault) => Found::Undecoded(fault),
            }
        };
        Seen::Image { hash, key, found }
    }

    /// Lets the encoder look at the framed pictures of a chunk.
    fn encode(&self, seen: &mut [Seen], progress: &Progress) -> Result<()> {
        let framed = |seen: &mut Seen| match seen {
            Seen::Image { found: Found::Framed(picture), .. } => Some(std::mem::take(picture)),
            _ => None,
        };
        let pictures: Vec<Vec<u8>> = seen.iter_mut().filter_map(framed).collect();
        let mut features = self.encoder.encode(pictures, &|| progress.advance(1))?.into_iter();
        for seen in seen {
            if let Seen::Image { found: found @ Found::Framed(_), .. } = seen {
                *found = Found::Computed(features.next().expect("an encoder gives features for every picture"));
            }
        }
        Ok(())
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
                Found::Elsewhere | Found::Framed(_) => continue,
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
