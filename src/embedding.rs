//! From products to unit vectors: the `Embedder` trait, images and their encoders (the built-in network, a shop's own), the vector
//! column, the cache.
//!
//! This room refuses to refit anything per night: the same image gives the same vector in every catalog.

mod builtin;
mod cache;
mod column;
mod images;
pub mod network;
pub mod onnx;
mod unit;
mod vectors;
mod views;

use crate::catalog::Catalog;
use crate::error::Result;
use crate::photos::Photo;
use crate::progress::Progress;
use crate::reject::Reject;

pub use builtin::{Builtin, CROP, Quality};
pub use column::Column;
pub use images::{Images, open_image_root};
pub use onnx::Onnx;
pub(crate) use unit::{ABREAST, canonical_dots};
pub use unit::{VectorFault, canonical_dot, make_unit};
pub use vectors::Vectors;
pub use views::Views;

/// Turns the products of a catalog into vectors.
pub trait Embedder: Sync {
    /// Names everything that decides a vector: network, weights, preprocessing. Part of the cache key and of the run id.
    fn fingerprint(&self) -> String;

    /// Components of a vector; `None` where the catalog tells.
    fn dimension(&self) -> Option<usize>;

    /// Bytes that it holds while it works, beside what each thread needs to decode an image and what grows with the catalog.
    fn memory(&self) -> usize {
        0
    }

    /// What a person should know of it, a line each.
    fn describe(&self) -> Vec<String> {
        Vec::new()
    }

    /// What computes, where that may differ between machines with the same fingerprint.
    fn computed_by(&self) -> Option<String> {
        None
    }

    /// Embeds every product that has what it takes; the others are rejects or simply have no vector. Vectors that came with
    /// the catalog are taken out of it.
    ///
    /// # Errors
    /// Only what stops the whole night, for example an image root that cannot be opened.
    fn embed(&self, catalog: &mut Catalog, progress: &Progress) -> Result<Embedded>;
}

/// Turns photos into features: what [`Images`] asks of a network.
pub trait Encoder: Sync {
    /// Names everything that decides the features of an image: network, weights, preprocessing.
    fn fingerprint(&self) -> String;

    /// Numbers that describe an image.
    fn dimension(&self) -> usize;

    /// As [`Embedder::memory`].
    fn memory(&self) -> usize {
        0
    }

    /// As [`Embedder::describe`].
    fn describe(&self) -> Vec<String> {
        Vec::new()
    }

    /// As [`Embedder::computed_by`].
    fn computed_by(&self) -> Option<String> {
        None
    }

    /// What [`Encoder::frame`] looks at: a centered square of so many short sides, which becomes so many pixels a side. No more of a photo
    /// is decoded.
    fn square(&self) -> (f64, u32);

    /// The photo as the network looks at it, 8 bits a channel; called on many threads, ahead of [`Encoder::encode`]. Small: a
    /// few hundred of them are held at a time.
    fn frame(&self, photo: &Photo) -> Vec<u8>;

    /// The features of framed pictures, [`Encoder::dimension`] numbers each, in their order. What one picture gives does not depend
    /// on the others. Calls `done` once a picture.
    ///
    /// # Errors
    /// Only what stops the whole night.
    fn encode(&self, pictures: Vec<Vec<u8>>, done: &(dyn Fn() + Sync)) -> Result<Vec<Vec<f32>>>;
}

/// What an [`Embedder`] made of a catalog.
#[derive(Debug)]
pub struct Embedded {
    /// Unit vectors, by product.
    pub vectors: Vectors,
    /// Images and vectors that could not be used.
    pub rejects: Vec<Reject>,
    /// BLAKE3 over the inputs beside the catalog (the bytes of its images) in product order: part of the run id. `None` where
    /// the vectors follow from the catalog's own bytes, bit for bit on every machine.
    pub inputs: Option<blake3::Hash>,
    /// How many vectors were computed now, not found in the cache.
    pub computed: usize,
}
