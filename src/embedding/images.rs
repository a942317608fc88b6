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
use super::{Embedded, Embedder, Encoder, VectorFault, Vectors, Views};
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
    views: Views,
    rehash: bool,
    retry_rejects: bool,
}

impl<E: Encoder> Images<E> {
    /// `root` is where the catalog's image paths start; `cache` the folder that keeps features between runs, if any.
    #[must_use]
    pub fn new(encoder: E, root: &Path, cache: Option<PathBuf>) -> Images<E> {
        Images { encoder, root: root.to_owned(), cache, views: Views::First, rehash: false, retry_rejects: false }
    }

    /// Which images of a product are looked at, and what becomes of their vectors.
    #[must_use]
    pub fn views(self, views: Views) -> Images<E> {
        Images { views, ..self }
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
        let mut views = Vec::with_capacity(products.len());
        let mut starts = vec![0];
        for product in products {
            views.extend(self.views.of(product).map(|image| View { product, image }));
            if starts.last() == Some(&views.len()) {
                views.push(View { product, image: "" });
            }
            starts.push(views.len());
        }
        let mut vectors = Vectors::new(dimension, views.len());
        // Enough for a row of each in the matrix; what is never written takes no memory.
        let means = if self.views == Views::Mean { views.len() - products.len() } else { 0 };
        vectors.reserve(views.iter().filter(|view| !view.image.is_empty()).count() + means.min(products.len()));
        progress.start(u64::try_from(views.len()).unwrap_or(u64::MAX));
        Ok(Session {
            asked: self,
            root: open_image_root(&self.root)?,
            budget: Budget::of_threads(rayon::current_num_threads()),
            cache: Cache::open(self.cache.clone(), &self.encoder.fingerprint(), dimension),
            views,
            starts,
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
        self.session(&catalog.products, progress)?.embed()
    }
}

/// One image of a product; empty where it has none.
struct View<'a> {
    product: &'a Product,
    image: &'a str,
}

/// What looking at one view came to.
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
    /// Nothing yet; this view brings it.
    Wanted(usize),
    /// A view's file is being looked at.
    Claimed,
    /// A view holds its vector, or there is a reason why there is none.
    Settled(Outcome),
}

type Outcome = std::result::Result<usize, Box<(Stage, Fault)>>;

/// One run of the embedder.
struct Session<'a, E> {
    asked: &'a Images<E>,
    root: ImageRoot,
    budget: Budget,
    cache: Cache,
    views: Vec<View<'a>>,
    /// Where the views of each product begin, and one more at the end.
    starts: Vec<usize>,
    images: Mutex<HashMap<Content, Image>>,
    /// By view.
    vectors: Vectors,
    computed: usize,
    progress: &'a Progress,
}

impl<E: Encoder> Session<'_, E> {
    fn embed(mut self) -> Result<Embedded> {
        let mut seen: Vec<Seen> = self.views.par_iter().map(|view| self.glance(view.image)).collect();
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
        for of_product in self.starts.windows(2) {
            for at in of_product[0]..of_product[1] {
                let (view, seen) = (&self.views[at], &seen[at]);
                if at > of_product[0] {
                    inputs.update(b"further ");
                }
                hash_input(&mut inputs, seen);
                match outcome(view.image, seen, &images) {
                    None => {}
                    Some(Ok(holder)) => self.vectors.share(at, holder),
                    Some(Err((stage, fault))) => rejects.push(reject(view.product, stage, &fault)),
                }
            }
        }
        let vectors = match self.asked.views {
            Views::First => self.vectors,
            Views::Best => self.vectors.gather_all(&self.starts),
            Views::Mean => {
                let (vectors, canceled) = self.vectors.gather_mean(&self.starts);
                let detail = "the vectors of the product's images cancel each other out".to_owned();
                let fault = Fault { code: "zero_vector", detail };
                let products = canceled.into_iter().map(|product| self.views[self.starts[product]].product);
                rejects.extend(products.map(|product| reject(product, Stage::Embedding, &fault)));
                vectors
            }
        };
        Embedded { vectors, rejects, inputs: Some(inputs.finalize()), computed: self.computed }
    }

    /// Looks at a file without opening it.
    fn glance(&self, image: &str) -> Seen {
        match image {
            "" => Seen::Nothing,
            image if photos::is_url(image) => Seen::Url,
            _ if self.asked.rehash => Seen::Unknown,
            image => {
                let known = |signature| Some(Seen::Image(self.cache.content(&signature)?, Some(signature)));
                self.root.signature(image).and_then(known).unwrap_or(Seen::Unknown)
            }
        }
    }

    /// Wants the images that are known by their files.
    fn recognize(&mut self, seen: &[Seen]) {
        let images = self.images.get_mut().unwrap_or_else(PoisonError::into_inner);
        for (view, seen) in seen.iter().enumerate() {
            let Seen::Image(content, signature) = seen else { continue };
            self.cache.note(*signature, *content);
            let fault = self.cache.fault(content).filter(|_| !self.asked.retry_rejects);
            images.entry(*content).or_insert_with(|| match fault {
                Some(fault) => Image::Settled(Err(Box::new((Stage::Image, fault.clone())))),
                None => Image::Wanted(view),
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
                    let &mut Image::Wanted(view) = image else { unreachable!("it was matched") };
                    *image = Image::Settled(keep(&mut self.vectors, view, unit));
                }
            }
        }
    }
}

fn keep(vectors: &mut Vectors, view: usize, unit: std::result::Result<Vec<f32>, VectorFault>) -> Outcome {
    let (code, what) = match unit {
        Ok(unit) => {
            vectors.insert_unit(view, &unit);
            return Ok(view);
        }
        Err(VectorFault::NonFinite) => ("non_finite", "the network gives this image a number that is not finite"),
        Err(VectorFault::Zero) => ("zero_vector", "the network sees nothing in this image"),
    };
    Err(Box::new((Stage::Embedding, Fault { code, detail: what.to_owned() })))
}

/// What became of a view; `None` where there is none to look at.
fn outcome(
    image: &str,
    seen: &Seen,
    images: &HashMap<Content, Image>,
) -> Option<std::result::Result<usize, (Stage, Fault)>> {
    match seen {
        Seen::Nothing | Seen::Url => None,
        Seen::Unread(fault) => Some(Err((Stage::Image, (**fault).clone()))),
        Seen::Image(content, _) => Some(match &images[content] {
            Image::Settled(Ok(holder)) => Ok(*holder),
            // Said of this view's own file: which of several equal files was looked at first depends on the threads.
            Image::Settled(Err(why)) => {
                let (stage, fault) = &**why;
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
