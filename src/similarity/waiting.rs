//! Candidates that may enter a list and wait for their canonical score, until more is known of what the list needs. This room
//! refuses to decide.

use std::ops::Range;

use super::lists::Lists;

/// Candidates that may wait for a list of K entries: as many as it holds, and two, so that what was chosen first can fill it.
fn room(k: usize) -> usize {
    (k + 2).clamp(8, 64)
}

/// The candidates that wait for the lists of one tile, side by side: most come long before they are needed again.
#[derive(Debug)]
pub(super) struct TileWaiting {
    first_row: usize,
    /// Per rule, the room of each list.
    rooms: Vec<usize>,
    /// Per rule, `[rows][room]`.
    candidates: Vec<Vec<Candidate>>,
    /// Per rule and row, how many there are.
    counts: Vec<Vec<u8>>,
}

/// A candidate and at least its score, in a number that orders by the score.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate(u64);

impl Candidate {
    /// A candidate whose score is at most `upper`.
    pub(super) fn new(row: u32, upper: f32) -> Candidate {
        // The bits of positive floats order as they do, those of negative ones the other way round.
        let bits = upper.to_bits();
        let ordered = if bits >> 31 == 0 { bits | 1 << 31 } else { !bits };
        Candidate(u64::from(ordered) << 32 | u64::from(row))
    }

    /// The candidate's row.
    #[expect(clippy::cast_possible_truncation, reason = "its lower half")]
    pub(super) fn row(self) -> u32 {
        self.0 as u32
    }

    /// At least its score.
    pub(super) fn upper(self) -> f32 {
        let ordered = u32::try_from(self.0 >> 32).expect("the upper half");
        f32::from_bits(if ordered >> 31 == 1 { ordered & !(1 << 31) } else { !ordered })
    }
}

impl TileWaiting {
    pub(super) fn new(lists: &Lists, rows: Range<usize>) -> TileWaiting {
        let rooms: Vec<usize> =
            lists.rules.iter().map(|rule| if rule.visual { room(rule.usual()) } else { 0 }).collect();
        let candidates = rooms.iter().map(|room| vec![Candidate::default(); rows.len() * room]).collect();
        let counts = vec![vec![0; rows.len()]; rooms.len()];
        TileWaiting { first_row: rows.start, rooms, candidates, counts }
    }

    /// Adds a candidate, and says whether the room of its list is used up: then [`Self::look_through`] must come next.
    pub(super) fn push(&mut self, row: usize, rule: usize, candidate: Candidate) -> bool {
        let (place, room) = (row - self.first_row, self.rooms[rule]);
        let count = &mut self.counts[rule][place];
        self.candidates[rule][place * room + usize::from(*count)] = candidate;
        *count += 1;
        usize::from(*count) == room
    }

    /// Lets `decide` take candidates of a list off, given in descending order: it says which of them go on waiting.
    pub(super) fn look_through(&mut self, row: usize, rule: usize, decide: impl FnOnce(&[Candidate]) -> Range<usize>) {
        let (place, room) = (row - self.first_row, self.rooms[rule]);
        let count = &mut self.counts[rule][place];
        let waiting = &mut self.candidates[rule][place * room..][..usize::from(*count)];
        waiting.sort_unstable_by(|a, b| b.cmp(a));
        let left = decide(waiting);
        *count = u8::try_from(left.len()).expect("at most the room of a list");
        waiting.copy_within(left, 0);
    }

    /// The candidates of a list.
    pub(super) fn of(&self, row: usize, rule: usize) -> &[Candidate] {
        let (place, room) = (row - self.first_row, self.rooms[rule]);
        &self.candidates[rule][place * room..][..usize::from(self.counts[rule][place])]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn candidates_order_by_their_bounds_and_give_them_back(
            all in prop::collection::vec((any::<u32>(), -2.0_f32..2.0), 2..40)
        ) {
            let candidates: Vec<Candidate> = all.iter().map(|&(row, upper)| Candidate::new(row, upper)).collect();
            for (&(row, upper), candidate) in all.iter().zip(&candidates) {
                prop_assert_eq!((row, upper.to_bits()), (candidate.row(), candidate.upper().to_bits()));
            }
            for (a, b) in all.iter().zip(&candidates).zip(all.iter().zip(&candidates).skip(1)) {
                prop_assert_eq!(a.0.1.total_cmp(&b.0.1).then(a.0.0.cmp(&b.0.0)), a.1.cmp(b.1));
            }
        }
    }

    #[test]
    fn a_list_keeps_what_is_not_taken_off_and_no_other() {
        let lists = Lists::everything(4, 3);
        let mut waiting = TileWaiting::new(&lists, 2..4);
        let candidate = |row: u32| Candidate::new(row, f32::from(u16::try_from(row).unwrap()) / 100.0);
        waiting.push(2, 0, candidate(77));
        let mut full = false;
        let mut count = 0;
        while !full {
            full = waiting.push(3, 0, candidate(count));
            count += 1;
        }
        assert_eq!(waiting.of(3, 0).len(), room(3));
        waiting.look_through(3, 0, |all| {
            assert!(all.is_sorted_by(|a, b| a > b));
            2..5
        });
        let left: Vec<u32> = waiting.of(3, 0).iter().map(|one| one.row()).collect();
        assert_eq!(left, [count - 3, count - 4, count - 5]);
        assert_eq!(waiting.of(2, 0), [candidate(77)]);
    }
}
