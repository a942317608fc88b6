//! A device that passed its self-test can still fail at sizes that the test does not have. Before its lists are kept, the CPU
//! finds some of them again. This file refuses to mend: what does not hold here is not kept at all.

use rayon::prelude::*;

use crate::device::Fault;
use crate::similarity::cpu;
use crate::similarity::join::Join;

/// Rows whose lists the CPU finds again, from the first to the last: each reads the whole matrix once.
const ROWS: usize = 16;

/// Holds finished lists against the CPU: those of some rows as a whole, and every list against the floor that the device gave it.
pub(super) fn audit(join: &Join<'_>) -> Result<(), Fault> {
    let Some(last) = join.tiles.rows().checked_sub(1) else { return Ok(()) };
    let mut rows: Vec<usize> = (0..ROWS).map(|at| last * at / (ROWS - 1)).collect();
    rows.dedup();
    let differs = |&row: &usize| {
        let before = join.lists_of(row);
        cpu::finish_row(join, row, join.tiles.reached(row / join.tiles.size()));
        join.lists_of(row) != before
    };
    let wrong = join.below_floor().or_else(|| rows.into_par_iter().find_any(differs));
    wrong.map_or(Ok(()), |row| Err(Fault::WrongAnswer { message: format!("the CPU finds other lists for row {row}") }))
}
