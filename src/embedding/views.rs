//! Several images of one product, its *views*: which of them are looked at, and what their vectors become. This file refuses to open one.

use serde::{Deserialize, Serialize};

use crate::catalog::Product;

/// What several images of one product mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Views {
    /// Only the first one is looked at.
    #[default]
    First,
    /// A product has one vector, the mean of those of its images.
    Mean,
    /// A product has a vector for each of its images, and two products are as similar as the two images that are most alike.
    Best,
}

impl Views {
    /// Whether it is what happens when nothing is said: then it is not written into what decides a run.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde decides the signature")]
    pub(crate) fn is_first(&self) -> bool {
        *self == Views::First
    }

    /// The images of a product that are looked at, as the catalog writes them.
    pub fn of(self, product: &Product) -> impl Iterator<Item = &str> {
        let further = if self.is_first() { &[][..] } else { &product.further_images };
        product.image.iter().chain(further).map(String::as_str).filter(|image| !image.is_empty())
    }
}
