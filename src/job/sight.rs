//! What each product can be seen by: expected from the catalog alone, and as it turned out.

use crate::catalog::{Catalog, Product};
use crate::config::{Config, Embedding};
use crate::embedding::{Vectors, Views};
use crate::photos;
use crate::plan::{Plan, Sight};
use crate::similarity::gallery;

/// What each product will be seen by if every image and every vector can be used.
#[must_use]
pub fn expected(config: &Config, catalog: &Catalog) -> Vec<Sight> {
    let has_vector = |product: usize| match (&config.embedding, &catalog.vectors) {
        (Embedding::Column { .. }, Some(column)) => column.spans[product].as_ref().is_some_and(|span| !span.is_empty()),
        (Embedding::Column { .. }, None) => false,
        (Embedding::Builtin { .. } | Embedding::Onnx { .. }, _) => files(config, &catalog.products[product]) > 0,
    };
    see(config, catalog, has_vector)
}

/// What each product is seen by.
#[must_use]
pub fn found(config: &Config, catalog: &Catalog, vectors: &Vectors) -> Vec<Sight> {
    see(config, catalog, |product| vectors.get(product).is_some())
}

/// How many images of a product are looked at, as far as they are files.
#[must_use]
pub fn files(config: &Config, product: &Product) -> usize {
    config.embedding.views().of(product).filter(|image| !photos::is_url(image)).count()
}

/// Where the vectors of each row of a plan will begin if every image can be used, as [`gallery::starts`] says it.
#[must_use]
pub fn starts(config: &Config, catalog: &Catalog, plan: &Plan) -> Vec<u32> {
    let count = |product| match config.embedding.views() {
        Views::First | Views::Mean => 1,
        Views::Best => files(config, &catalog.products[product]),
    };
    gallery::starts(plan.seen_products().map(count))
}

fn see(config: &Config, catalog: &Catalog, has_vector: impl Fn(usize) -> bool) -> Vec<Sight> {
    // A file that could not be used is no URL, and URLs beside it are passed over.
    let is_by_url = |item: &Product| {
        let mut images = config.embedding.views().of(item).peekable();
        config.embedding.by_image() && images.peek().is_some() && images.all(photos::is_url)
    };
    let sight = |(product, item): (usize, &Product)| match () {
        () if has_vector(product) => Sight::Seen,
        () if is_by_url(item) => Sight::Url,
        () => Sight::Unseen,
    };
    catalog.products.iter().enumerate().map(sight).collect()
}
