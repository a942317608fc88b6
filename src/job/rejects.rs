//! How much was rejected, and whether that is more than the night tolerates. This file refuses to count records: a row with
//! three bad fields is one row, and so is a product of which three images cannot be used.

use std::collections::BTreeSet;

use crate::catalog::Catalog;
use crate::config::Config;
use crate::reject::{Reject, Stage};

/// Whether more rows, or more of the `tried` images or vectors, were rejected than the configuration tolerates. Says in the log
/// what was rejected.
pub(super) fn too_many(config: &Config, catalog: &Catalog, tried: usize, rejects: &[Reject]) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "a share that is compared with a tolerance")]
    let above = |count: usize, of: u64| count as f64 > config.reject_tolerance * of as f64;
    let distinct = |of: &dyn Fn(Stage) -> bool| {
        rejects.iter().filter(|reject| of(reject.stage)).map(|reject| reject.row).collect::<BTreeSet<u64>>().len()
    };
    let rows = distinct(&|stage| stage == Stage::Catalog);
    let images = distinct(&|stage| stage != Stage::Catalog);
    let many = above(rows, catalog.rows) || above(images, tried as u64);
    if !rejects.is_empty() {
        let how = if many { "above" } else { "within" };
        tracing::warn!(
            "{rows} of {} rows and {images} of {tried} images or vectors have rejects, {how} the tolerance: see the table \
             `rejects`",
            catalog.rows
        );
    }
    many
}
