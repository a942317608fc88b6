//! How large everything of a pass is: what buffers, kernels and strips depend on. This file refuses wgpu.

use super::drive::DEPTH;
use super::kernels::{Arithmetic, MAX_RULES, STEP_BYTES, TILE};
use super::panels::{self, Layout};
use super::{Gpu, trial};
use crate::similarity::Lists;

/// Tiles of a chunk at most: more would only add to what a strip moves.
const MOST_CHUNK: usize = 256;

/// Survivors per row that can be read back from a strip, on average.
const ROOM_PER_ROW: usize = 32;

/// The sizes of a job: everything that buffers and kernels depend on.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub arithmetic: Arithmetic,
    /// Steps of the tile kernel.
    pub steps: usize,
    /// Words of a row's facts.
    pub stride: usize,
    /// What the tile kernels know of each rule.
    pub rules: [[u32; 4]; MAX_RULES],
    /// K of each rule.
    pub k: [u32; MAX_RULES],
    /// How many of them there are.
    pub rule_count: usize,
    /// Per scope its ranges, then the ranges.
    pub scopes: Vec<[u32; 2]>,
    /// Tiles that a chunk may have.
    pub chunk: usize,
    /// Work items that a strip may have.
    pub items: usize,
    /// Survivors that a row can keep in one strip.
    pub slots: usize,
    /// Survivors that can be read back from one strip.
    pub room: usize,
    /// Buckets per list that is seeded.
    pub buckets: usize,
    /// Strips under way at a time.
    pub depth: usize,
    /// Chunks that are held at a time, at least 2.
    pub residents: usize,
    /// Whether to fill every output with garbage before a dispatch.
    pub poison: bool,
}

/// The sizes of a pass whose chunks have at most `most` tiles.
pub(super) fn shape(gpu: &Gpu, layout: &Layout<'_>, most: usize) -> Shape {
    let (lists, options) = (layout.join.lists, &gpu.options);
    let (steps, stride, rule_count) = (layout.steps(), layout.stride(), lists.rules.len());
    let visual = || lists.rules.iter().filter(|rule| rule.visual).map(|rule| rule.k);
    let slots = options.slots.unwrap_or_else(|| (4 * visual().sum::<usize>()).next_power_of_two().clamp(64, 256));
    let buckets = (4 * visual().max().unwrap_or(1)).next_power_of_two().clamp(16, 256);
    let binding = gpu.limits.max_storage_buffer_binding_size;
    // Bytes per tile of the largest buffers: panels, survivors, facts and keys.
    let per_tile = [
        (steps * STEP_BYTES) as u64,
        (2 * TILE * slots * 8) as u64,
        (2 * TILE * stride * 4) as u64,
        (TILE * rule_count * buckets * 4) as u64,
    ];
    let fitting = per_tile.iter().map(|&bytes| usize::try_from(binding / bytes.max(1)).unwrap_or(usize::MAX));
    let chunk = fitting.fold(most, usize::min).min(MOST_CHUNK).min(layout.join.tiles.count()).max(1);
    Shape {
        arithmetic: layout.arithmetic,
        steps,
        stride,
        rules: panels::rules(lists),
        k: entries(lists),
        rule_count,
        scopes: panels::scopes(lists),
        chunk,
        items: (chunk * chunk).max(trial::TRIAL_ITEMS),
        slots,
        room: 2 * chunk * TILE * slots.min(ROOM_PER_ROW),
        buckets,
        depth: DEPTH,
        residents: options.residents.unwrap_or(usize::MAX).max(2),
        poison: options.poison,
    }
}

/// K of each rule.
fn entries(lists: &Lists) -> [u32; MAX_RULES] {
    let mut all = [u32::MAX; MAX_RULES];
    for (k, rule) in all.iter_mut().zip(&lists.rules).filter(|(_, rule)| rule.visual) {
        *k = u32::try_from(rule.k).unwrap_or(u32::MAX);
    }
    all
}
