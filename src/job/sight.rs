//! What each product can be seen by: expected from the catalog alone, and as it turned out.

use crate::catalog::Catalog;
use crate::config::{Config, Embedding};
use crate::embedding::Vectors;
use crate::photos;
use crate::plan::Sight;

/// What each product will be seen by if every image and every vector can be used.
#[must_use]
pub fn expected(config: &Config, catalog: &Catalog) -> Vec<Sight> {
    let has_vector = |product: usize| match (&config.embedding, &catalog.vectors) {
        (Embedding::Column { .. }, Some(column)) => column.spans[product].as_ref().is_some_and(|span| !span.is_empty()),
        (Embedding::Column { .. }, None) => false,
        (Embedding::Builtin { .. } | Embedding::Onnx { .. }, _) => {
            catalog.products[product].image.as_ref().is_some_and(|image| !photos::is_url(image))
        }
    };
    see(config, catalog, has_vector)
}

/// What each product is seen by.
#[must_use]
pub fn found(config: &Config, catalog: &Catalog, vectors: &Vectors) -> Vec<Sight> {
    see(config, catalog, |product| vectors.get(product).is_some())
}

fn see(config: &Config, catalog: &Catalog, has_vector: impl Fn(usize) -> bool) -> Vec<Sight> {
    let by_image = config.embedding.by_image();
    let sight = |(product, item): (usize, &crate::catalog::Product)| match &item.image {
        _ if has_vector(product) => Sight::Seen,
        Some(image) if by_image && photos::is_url(image) => Sight::Url,
        _ => Sight::Unseen,
    };
    catalog.products.iter().enumerate().map(sight).collect()
}
