//! One list at a time by a scan that scores every pair, by arithmetic of its own: shares no line with an engine.

use std::collections::HashSet;

use twinset::similarity::{Entry, Lists, Matrix, NO_LIST};

/// The canonical score as it is documented: element i into sum i mod 8, the sums added as ((0+4)+(2+6))+((1+5)+(3+7)),
/// clamped, rounded once.
pub fn score(x: &[f32], y: &[f32]) -> f32 {
    let mut sums = [0.0_f64; 8];
    for (x, y) in x.chunks(8).zip(y.chunks(8)) {
        for ((sum, &x), &y) in sums.iter_mut().zip(x).zip(y) {
            *sum += f64::from(x) * f64::from(y);
        }
    }
    let [s0, s1, s2, s3, s4, s5, s6, s7] = sums;
    (((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))).clamp(-1.0, 1.0) as f32
}

/// The list of one anchor under any rule, pair by pair.
pub fn naive(matrix: &Matrix, lists: &Lists, rule: usize, anchor: usize) -> Vec<Entry> {
    let contract = &lists.rules[rule];
    if contract.scope[anchor] == NO_LIST {
        return Vec::new();
    }
    let admitted = (0..matrix.rows()).filter(|&row| lists.admits(contract, anchor, row));
    let scored = |row: usize| Entry { row: row as u32, score: score(matrix.row(anchor), matrix.row(row)) };
    let mut all: Vec<Entry> = admitted.map(scored).filter(|entry| entry.score >= contract.min_score).collect();
    let id = |entry: &Entry| lists.id_rank[entry.row as usize];
    all.sort_unstable_by(|a, b| b.score.partial_cmp(&a.score).expect("no NaN").then(id(a).cmp(&id(b))));
    let mut groups = HashSet::new();
    let mut stays = |row: usize| !lists.collapses(contract, anchor, row) || groups.insert(lists.group[row]);
    all.into_iter().filter(|entry| stays(entry.row as usize)).take(contract.k).collect()
}

/// One rule over everything with lists of `k`, every row a group of its own, ids in another order than the rows.
pub fn everything(rows: usize, k: usize) -> Lists {
    let mut lists = Lists::everything(rows, k);
    lists.group.reverse();
    // A prime that divides no catalog of these tests reaches every place once.
    (0..).zip(0..rows).for_each(|(rank, place)| lists.id_rank[place * 7919 % rows] = rank);
    lists
}
