//! From image paths to features: each distinct image once, with the cache in between. This file knows what is known of the images, and
//! refuses to open one.

mod budget;
mod work;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use rayon::prelude::*;

use super::cache::{Cache, Content};
use super::{Embedded, Embedder, Encoder, VectorFault, Vectors};
use crate::catalog::{Catalog, Product};
use crate::error::{Error, Result};
use crate::photos::{self, Fault, ImageRoot, Signature};
use crate::progress::Progress;
use crate::reject::{Reject, Stage};
use budget::Budget;

/// Images that are looked at together, at most: enough that waiting for the slowest costs nothing.
pub(super) const CHUNK: usize = 256;

/// Embeds the images of the catalog with an encoder.
#[derive(Debug)]
pub struct Images<E> {
    encoder: E,
    root: PathBuf,
    cache: Option<PathBuf>,
    rehash: bool,
    retry_rejects: bool,
}

impl<E: Encoder> Images<E> {
    /// `root` is where the catalog's image paths start; `cache` the folder that keeps features between runs, if any.
    #[must_use]
    pub fn new(encoder: E, root: &Path, cache: Option<PathBuf>) -> Images<E> {
        Images { encoder, root: root.to_owned(), cache, rehash: false, retry_rejects: false }
    }

    /// Whether every image is read, also where its size and times are as they were.
    #[must_use]
    pub fn rehash(self, rehash: bool) -> Images<E> {
        Images { rehash, ..self }
    }

    /// Whether images that could not be decoded are tried again.
    #[must_use]
    pub fn retry_rejects(self, retry_rejects: bool) -> Images<E> {
        Images { retry_rejects, ..self }
    }

    fn session<'a>(&'a self, products: &'a [Product], progress: &'a Progress) -> Result<Session<'a, E>> {
        let dimension = self.encoder.dimension();
        let mut vectors = Vectors::new(dimension, products.len());
        // Enough for a row of each in the matrix; what is never written takes no memory.
        vectors.reserve(products.iter().filter(|product| product.image.is_some()).count());
        Ok(Session {
            asked: self,
            root: open_image_root(&self.root)?,
            budget: Budget::of_threads(rayon::current_num_threads()),
            cache: Cache::open(self.cache.clone(), &self.encoder.fingerprint(), dimension),
            products,
            images: Mutex::default(),
            vectors,
            computed: 0,
            progress,
        })
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
        progress.start(u64::try_from(catalog.products.len()).unwrap_or(u64::MAX));
        self.session(&catalog.products, progress)?.embed()
    }
}

/// What looking at one product's image came to.
enum Seen {
    /// No image.
    Nothing,
    /// An image that is not ours to fetch.
    Url,
    /// A file that has to be read.
    Unknown,
    /// A file that cannot be read.
    Unread(Box<Fault>),
    /// A file whose bytes have this hash, and what vouches for that until it changes.
    Image(Content, Option<Signature>),
}

/// What is known of a distinct image.
enum Image {
    /// Nothing yet; this product brings it.
    Wanted(usize),
    /// A product's file is being looked at.
    Claimed,
    /// A product holds its vector, or there is a reason why there is none.
    Settled(Outcome),
}

type Outcome = std::result::Result<usize, Box<(Stage, Fault)>>;

/// One run of the embedder.
struct Session<'a, E> {
    asked: &'a Images<E>,
    root: ImageRoot,
    budget: Budget,
    cache: Cache,
    products: &'a [Product],
    images: Mutex<HashMap<Content, Image>>,
    vectors: Vectors,
    computed: usize,
    progress: &'a Progress,
}

impl<E: Encoder> Session<'_, E> {
    fn embed(mut self) -> Result<Embedded> {
        let mut seen: Vec<Seen> = self.products.par_iter().map(|product| self.glance(product)).collect();
        self.recognize(&seen);
        self.load();
        self.read_the_rest(&mut seen)?;
        Ok(self.finish(&seen))
    }

    fn finish(mut self, seen: &[Seen]) -> Embedded {
        self.cache.finish();
        let images = self.images.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut rejects = Vec::new();
        let mut inputs = blake3::Hasher::new();
        for (index, (product, seen)) in self.products.iter().zip(seen).enumerate() {
            hash_input(&mut inputs, seen);
            match outcome(product, seen, &images) {
                None => {}
                Some(Ok(holder)) => self.vectors.share(index, holder),
                Some(Err((stage, fault))) => rejects.push(reject(product, stage, &fault)),
            }
        }
        Embedded { vectors: self.vectors, rejects, inputs: Some(inputs.finalize()), computed: self.computed }
    }

    /// Looks at a product's file without opening it.
    fn glance(&self, product: &Product) -> Seen {
        match product.image.as_deref() {
            None | Some("") => Seen::Nothing,
            Some(image) if photos::is_url(image) => Seen::Url,
            Some(_) if self.asked.rehash => Seen::Unknown,
            Some(image) => {
                let known = |signature| Some(Seen::Image(self.cache.content(&signature)?, Some(signature)));
                self.root.signature(image).and_then(known).unwrap_or(Seen::Unknown)
            }
        }
    }

    /// Wants the images that are known by their files.
    fn recognize(&mut self, seen: &[Seen]) {
        let images = self.images.get_mut().unwrap_or_else(PoisonError::into_inner);
        for (product, seen) in seen.iter().enumerate() {
            let Seen::Image(content, signature) = seen else { continue };
            self.cache.note(*signature, *content);
            let fault = self.cache.fault(content).filter(|_| !self.asked.retry_rejects);
            images.entry(*content).or_insert_with(|| match fault {
                Some(fault) => Image::Settled(Err(Box::new((Stage::Image, fault.clone())))),
                None => Image::Wanted(product),
            });
        }
    }

    /// Takes what the cache has of the wanted images.
    fn load(&mut self) {
        let images = self.images.get_mut().unwrap_or_else(PoisonError::into_inner);
        // As many segments at a time as there are threads: no more are held.
        for segments in self.cache.segments().chunks(rayon::current_num_threads()) {
            let units = self.cache.load(segments, |content| matches!(images.get(content), Some(Image::Wanted(_))));
            for (content, unit) in units {
                if let Some(image @ Image::Wanted(_)) = images.get_mut(&content) {
                    let &mut Image::Wanted(product) = image else { unreachable!("it was matched") };
                    *image = Image::Settled(keep(&mut self.vectors, product, unit));
                }
            }
        }
    }
}

fn keep(vectors: &mut Vectors, product: usize, unit: std::result::Result<Vec<f32>, VectorFault>) -> Outcome {
    let (code, what) = match unit {
        Ok(unit) => {
            vectors.insert_unit(product, &unit);
            return Ok(product);
        }
        Err(VectorFault::NonFinite) => ("non_finite", "the network gives this image a number that is not finite"),
        Err(VectorFault::Zero) => ("zero_vector", "the network sees nothing in this image"),
    };
    Err(Box::new((Stage::Embedding, Fault { code, detail: what.to_owned() })))
}

/// What became of a product's image; `None` where there is none to look at.
fn outcome(
    product: &Product,
    seen: &Seen,
    images: &HashMap<Content, Image>,
) -> Option<std::result::Result<usize, (Stage, Fault)>> {
    match seen {
        Seen::Nothing | Seen::Url => None,
        Seen::Unread(fault) => Some(Err((Stage::Image, (**fault).clone()))),
        Seen::Image(content, _) => Some(match &images[content] {
            Image::Settled(Ok(holder)) => Ok(*holder),
            // Said of this product's own file: which of several equal files was looked at first depends on the threads.
            Image::Settled(Err(why)) => {
                let (stage, fault) = &**why;
                let image = product.image.as_deref().unwrap_or_default();
                Err((*stage, Fault { code: fault.code, detail: format!("`{image}`: {}", fault.detail) }))
            }
            Image::Wanted(_) | Image::Claimed => unreachable!("every image is settled in the end"),
        }),
        Seen::Unknown => unreachable!("every file is read in the end"),
    }
}

fn hash_input(inputs: &mut blake3::Hasher, seen: &Seen) {
    match seen {
        Seen::Nothing => inputs.update(b"nothing\n"),
        Seen::Url => inputs.update(b"url\n"),
        Seen::Unread(fault) => inputs.update(b"fault ").update(fault.code.as_bytes()).update(b"\n"),
        Seen::Image(content, _) => inputs.update(b"image ").update(content),
        Seen::Unknown => unreachable!("every file is read in the end"),
    };
}

fn reject(product: &Product, stage: Stage, fault: &Fault) -> Reject {
    // A file's name or a decoder's words may hold line breaks; a detail is one line.
    let detail = fault.detail.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    Reject { stage, row: product.row, id: Some(product.id.clone()), code: fault.code, detail }
}

#[cfg(test)]
pub(super) mod tests;
