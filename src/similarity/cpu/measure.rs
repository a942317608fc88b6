//! How fast the kernel of this processor is, for `twinset bench`. Nothing here decides a list.

use std::time::{Duration, Instant};

use super::kernel::peak;
use super::panels::Panels;
use super::{TILE, kernel};
use crate::error::Result;
use crate::similarity::rows::Rows;
use crate::similarity::tiles::Tiles;
use crate::similarity::{Lists, Matrix};

/// The speed of a kernel on one core.
#[derive(Clone, Copy, Debug)]
pub struct Speed {
    /// Pairs of rows a second, each multiplied once and tested for both directions; none reaches its cut.
    pub pairs: f64,
    /// Multiply-adds a second of the kernel's own instruction on registers alone; `None` for a kernel without one.
    pub peak: Option<f64>,
}

/// Multiplies the first two tiles with each other for half a second, and keeps the best of many tries.
///
/// # Errors
/// [`crate::error::Error::Config`] when the environment names a kernel that this processor cannot run.
///
/// # Panics
/// When there are fewer rows than two tiles have.
pub fn tile_kernel(matrix: &Matrix, lists: &Lists) -> Result<Speed> {
    let kernel = kernel()?;
    let tiles = Tiles::new(lists, matrix.rows(), TILE);
    let panels = Panels::new(Rows::new(matrix, None), &tiles, kernel);
    let anchors = panels.anchors(0);
    // No product of unit vectors is as much.
    let cuts = [anchors.len(), panels.panel(1).columns()].map(|rows| vec![3.0; rows]);
    let [own, others] = cuts.each_ref().map(|cuts| [&**cuts; 2]);
    let pass = panels.pass(&anchors, own, panels.panel(1), others);
    let once = || {
        let start = Instant::now();
        kernel.scan(&pass, &mut Vec::new());
        start.elapsed()
    };
    let start = Instant::now();
    let mut fastest = once();
    while start.elapsed() < Duration::from_millis(500) {
        fastest = fastest.min(once());
    }
    let pairs = f64::from(u32::try_from(TILE * TILE).expect("a tile is small")) / fastest.as_secs_f64();
    Ok(Speed { pairs, peak: peak::peak(&kernel).map(|operations| operations / 2.0 * 1e9) })
}
