//! What the job reads beside the catalog: pins and blocks, and what was bought together. This file refuses to apply either.

use crate::catalog::Catalog;
use crate::config::Config;
use crate::error::Result;
use crate::merchandising::Merchandising;
use crate::rules::categories::Complement;

/// The side files of a night.
#[derive(Debug, Default)]
pub struct Side {
    /// Pins and blocks.
    pub merchandising: Merchandising,
    /// What goes with what.
    pub complements: Vec<Complement>,
}

impl Side {
    /// Reads the side files that the configuration names.
    ///
    /// # Errors
    /// [`crate::error::Error::Config`] when one cannot be read or understood.
    pub fn read(config: &Config, _catalog: &Catalog) -> Result<Side> {
        Ok(Side { merchandising: Merchandising::default(), complements: config.complements.clone() })
    }

    /// The hashes of the files' bytes, in a fixed order.
    pub(super) fn digests(&self) -> [Option<blake3::Hash>; 1] {
        [self.merchandising.digest]
    }
}
